//! Every finding about SPF, by a zone that has it.

use super::*;
use crate::doctor::zone::Zone;

fn server(address: &str) -> Server {
    Server { host: "mail.a.example".into(), public: vec![address.parse().unwrap()], is_own: true }
}

async fn examined(zone: Zone) -> Vec<Finding> {
    let zone = zone.address("mail.a.example", "192.0.2.10");
    examine(&zone.serve().await, "a.example", &server("192.0.2.10")).await
}

async fn of(record: &str) -> Vec<Finding> {
    examined(Zone::new().txt("a.example", record)).await
}

fn published(finding: &Finding) -> &str {
    &finding.record.as_ref().unwrap().value
}

#[tokio::test]
async fn a_server_that_is_named_is_good() {
    let findings = of("v=spf1 a:mail.a.example -all").await;
    assert_eq!(findings.len(), 1);
    let says = "SPF: a.example says who may send for it, and 192.0.2.10 is among them.";
    assert_eq!((findings[0].level, findings[0].says.as_str()), (Level::Good, says));
}

#[tokio::test]
async fn a_server_that_is_not_named_gets_a_record_that_names_it() {
    let findings = of("v=spf1 ip4:192.0.2.7 -all").await;
    assert_eq!(findings[0].level, Level::Warn);
    let says = "SPF: a.example does not name 192.0.2.10 (mail.a.example) among those who may send for it, \
        and asks that letters from elsewhere be refused.";
    assert_eq!(findings[0].says, says);
    assert_eq!(published(&findings[0]), "v=spf1 a:mail.a.example ip4:192.0.2.7 -all");
}

#[tokio::test]
async fn a_relay_that_is_not_named_is_only_noted() {
    let dns = Zone::new().txt("a.example", "v=spf1 include:b.example ~all").txt("b.example", "v=spf1 -all");
    let relay = Server { is_own: false, ..server("192.0.2.10") };
    let findings = examine(&dns.serve().await, "a.example", &relay).await;
    assert_eq!(findings[0].level, Level::Note);
    assert!(findings[0].fix.as_ref().unwrap().contains("its provider names an `include:`"));
}

#[tokio::test]
async fn addresses_are_told_apart() {
    let both = Server {
        public: vec!["192.0.2.10".parse().unwrap(), "2001:db8::10".parse().unwrap()],
        ..server("192.0.2.10")
    };
    let dns = Zone::new().txt("a.example", "v=spf1 ip4:192.0.2.10 ~all").serve().await;
    let findings = examine(&dns, "a.example", &both).await;
    assert!(findings[0].says.ends_with("192.0.2.10 is among them."), "{}", findings[0].says);
    assert!(findings[1].says.contains("does not name 2001:db8::10"), "{}", findings[1].says);
}

#[tokio::test]
async fn a_server_without_a_public_address_is_not_judged() {
    let hidden = Server { public: Vec::new(), ..server("192.0.2.10") };
    let dns = Zone::new().txt("a.example", "v=spf1 mx ~all").serve().await;
    let findings = examine(&dns, "a.example", &hidden).await;
    assert_eq!(findings[0].level, Level::Note);
    assert!(findings[0].fix.as_ref().unwrap().ends_with("v=spf1 mx ~all"));
    let dns = Zone::new().serve().await;
    assert_eq!(published(&examine(&dns, "a.example", &hidden).await[0]), "v=spf1 a mx ~all");
}

#[tokio::test]
async fn a_missing_record_is_to_be_published() {
    let findings = of("some-other-service=1234").await;
    assert_eq!(findings[0].level, Level::Bad);
    assert_eq!(published(&findings[0]), "v=spf1 a:mail.a.example ~all");
    assert_eq!(findings[0].record.as_ref().unwrap().name, "a.example");
}

#[tokio::test]
async fn two_records_are_merged() {
    let zone = Zone::new()
        .txt("a.example", "v=spf1 mx include:b.example -all")
        .txt("a.example", "v=spf1 include:c.example mx ~all");
    let findings = examined(zone).await;
    assert_eq!(findings[0].level, Level::Bad);
    let merged = published(&findings[0]);
    let terms: Vec<&str> = merged.split(' ').collect();
    assert_eq!((terms[0], terms[terms.len() - 1], terms.len()), ("v=spf1", "~all", 5));
    assert!(
        ["mx", "include:b.example", "include:c.example"].iter().all(|term| terms.contains(term)),
        "{merged}"
    );
}

#[tokio::test]
async fn what_is_almost_a_record_is_repaired() {
    for text in ["v=spf1; mx; -all", "\"v=spf1 mx -all\"", " v=spf1 mx -all", "v=spf1;mx;-all;"] {
        let findings = of(text).await;
        assert_eq!(findings.len(), 1, "{text}");
        assert_eq!(findings[0].level, Level::Bad, "{text}");
        assert_eq!(published(&findings[0]), "v=spf1 mx -all", "{text}");
    }
    let findings = of("v=spf2 mx -all").await;
    assert!(findings[0].fix.as_ref().unwrap().contains("It is now: v=spf2 mx -all"));
}

#[tokio::test]
async fn what_is_almost_a_record_does_no_harm_beside_one() {
    let zone = Zone::new().txt("a.example", "v=spf1; -all").txt("a.example", "v=spf1 ip4:192.0.2.10 -all");
    let findings = examined(zone).await;
    assert_eq!((findings.len(), findings[0].level), (1, Level::Good));
}

#[tokio::test]
async fn a_mistake_is_named() {
    let findings = of("v=spf1 ipv4:192.0.2.10 -all").await;
    assert_eq!(findings.len(), 1);
    let says = "SPF: the record of a.example cannot be used, because `ipv4:192.0.2.10` should be \
        `ip4:192.0.2.10`; receivers skip the whole of it.";
    assert_eq!((findings[0].level, findings[0].says.as_str()), (Level::Bad, says));
}

#[tokio::test]
async fn faults_that_need_no_questions_are_named() {
    let long: Vec<String> = (0..40).map(|n| format!("ip4:192.0.2.{n}")).collect();
    let long = format!("v=spf1 {} -all", long.join(" "));
    for (record, level, says) in [
        ("v=spf1 +all", Level::Bad, "lets everybody in the world send for it"),
        ("v=spf1 all", Level::Bad, "lets everybody in the world send for it"),
        ("v=spf1 ip4:192.0.2.10 ?all", Level::Warn, "ends with `?all`"),
        ("v=spf1 ip4:192.0.2.10", Level::Warn, "has no `all`"),
        ("v=spf1 ip4:192.0.2.10 ptr -all", Level::Warn, "uses `ptr`"),
        ("v=spf1 ip4:192.0.2.10 -all mx", Level::Warn, "nothing that stands after `all`"),
        (
            "v=spf1 ip4:192.0.2.10 redirect=b.example -all",
            Level::Warn,
            "`redirect=b.example` in the record of a.example is not read, because the record has `-all` too",
        ),
        (
            "v=spf1 ip4:192.0.2.10 a:gone.example -all",
            Level::Note,
            "`a:gone.example` in the record of a.example leads to no server.",
        ),
        (
            "v=spf1 ip4:192.0.2.10 a:x.example a:y.example mx -all",
            Level::Bad,
            "`a:x.example`, `a:y.example` and `mx` in the record of a.example lead to no server, and receivers skip",
        ),
        ("v=spf1 include=b.example ip4:192.0.2.10 -all", Level::Warn, "has `=` where `:` belongs"),
        (&long, Level::Warn, "more than 450 may get lost"),
    ] {
        let findings = of(record).await;
        assert_eq!(findings[0].level, level, "{record}");
        assert!(findings[0].says.contains(says), "{record}: {}", findings[0].says);
    }
    assert_eq!(published(&of("v=spf1 include=b.example -all").await[0]), "v=spf1 include:b.example -all");
    assert_eq!(published(&of("v=spf1 mx ?all").await[0]), "v=spf1 mx ~all");
    assert_eq!(published(&of("v=spf1 redirect=b.example -all").await[0]), "v=spf1 redirect=b.example");
    assert_eq!(published(&of("v=spf1 mx a:gone.example -all").await[0]), "v=spf1 mx -all");
}

#[tokio::test]
async fn every_finding_about_a_record_mends_all_of_it() {
    let findings = of("v=spf1 include=b.example a:gone.example ip4:192.0.2.7 ?all mx").await;
    let mended = "v=spf1 include:b.example ip4:192.0.2.7 mx ~all";
    let values: Vec<&str> = findings.iter().map(published).collect();
    assert_eq!(
        values,
        [mended, mended, mended, mended, &mended.replace("v=spf1", "v=spf1 a:mail.a.example")]
    );
}

#[tokio::test]
async fn too_many_lookups_are_counted() {
    let hosts: Vec<String> = (0..6).map(|n| format!("a:h{n}.example")).collect();
    let half = format!("v=spf1 {} -all", hosts.join(" "));
    let zone = Zone::new()
        .txt("a.example", "v=spf1 include:b.example include:c.example -all")
        .txt("b.example", &half)
        .txt("c.example", &half);
    let findings = examined(zone).await;
    assert_eq!(findings.len(), 1);
    let says = "SPF: reading the record of a.example takes 14 further questions to the DNS, and receivers \
        give up after 10.";
    assert_eq!((findings[0].level, findings[0].says.as_str()), (Level::Bad, says));
}

#[tokio::test]
async fn an_include_without_a_record_spoils_it() {
    let findings = of("v=spf1 include:gone.example -all").await;
    assert_eq!(findings.len(), 1);
    let says = "SPF: the record of a.example cannot be used, because it points to gone.example, which has no \
        SPF record.";
    assert_eq!(findings[0].says, says);
}

#[tokio::test]
async fn what_an_include_spoils_is_said_though_our_server_passes_before_it() {
    let findings = of("v=spf1 ip4:192.0.2.10 include:gone.example -all").await;
    assert_eq!((findings.len(), findings[0].level), (1, Level::Bad));
    assert!(findings[0].says.contains("it points to gone.example, which has no SPF record"));
}

#[tokio::test]
async fn a_record_under_a_doubled_domain_is_found() {
    let findings = examined(Zone::new().txt("a.example.a.example", "v=spf1 mx -all")).await;
    assert_eq!(findings[0].level, Level::Bad);
    assert!(findings[0].fix.as_ref().unwrap().contains("Enter `@`, or nothing"));
}

#[tokio::test]
async fn a_macro_is_noted() {
    let findings = of("v=spf1 exists:%{i}.b.example -all").await;
    assert_eq!(findings[0].level, Level::Note);
    assert!(findings[0].says.contains("depends on the letter"));
}

#[tokio::test]
async fn a_dns_failure_is_a_finding() {
    let findings = examined(Zone::new().failing("a.example")).await;
    assert!(findings[0].says.starts_with("SPF: cannot tell, because"));
    let zone = Zone::new().txt("a.example", "v=spf1 include:b.example -all").failing("b.example");
    let findings = examined(zone).await;
    assert!(findings.iter().all(|finding| finding.level == Level::Warn));
    assert!(findings[0].says.starts_with("SPF: cannot read all of the record"));
}
