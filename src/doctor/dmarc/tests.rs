//! Every finding about DMARC, by a zone that has it.

use super::*;
use crate::doctor::{finding::Level, zone::Zone};

const NAME: &str = "_dmarc.a.example";

async fn examined(zone: Zone) -> Vec<Finding> {
    examine(&zone.serve().await, "a.example", None).await
}

async fn of(record: &str) -> Vec<Finding> {
    examined(Zone::new().txt(NAME, record)).await
}

fn published(finding: &Finding) -> &str {
    &finding.record.as_ref().unwrap().value
}

#[tokio::test]
async fn a_strict_policy_with_reports_is_good() {
    let findings = of("v=DMARC1; p=quarantine; rua=mailto:x@a.example").await;
    assert_eq!(findings.len(), 1);
    let says =
        "DMARC: a.example asks receivers to treat as suspect letters that only pretend to come from it.";
    assert_eq!((findings[0].level, findings[0].says.as_str()), (Level::Good, says));
}

#[tokio::test]
async fn watching_is_explained() {
    let findings = of("v=DMARC1; p=none; rua=mailto:x@a.example").await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].level, Level::Note);
    assert!(findings[0].says.ends_with("(`p=none`); that is right to begin with."));
}

#[tokio::test]
async fn a_missing_record_is_to_be_published() {
    let findings = examined(Zone::new()).await;
    assert_eq!((findings.len(), findings[0].level), (1, Level::Bad));
    let record = findings[0].record.as_ref().unwrap();
    assert_eq!(record.name, NAME);
    assert_eq!(record.value, "v=DMARC1; p=none; rua=mailto:postmaster@a.example");
}

#[tokio::test]
async fn the_record_of_the_organization_counts_for_a_domain_below() {
    let zone = Zone::new().txt("_dmarc.a.example", "v=DMARC1; p=reject; sp=none; rua=mailto:x@a.example");
    let findings = examine(&zone.serve().await, "news.a.example", None).await;
    assert_eq!(findings.len(), 1);
    let says = "DMARC: news.a.example (by the record of a.example, to which it belongs) asks receivers only \
        to report";
    assert!(findings[0].says.starts_with(says), "{}", findings[0].says);
}

#[tokio::test]
async fn the_record_of_a_public_suffix_is_not_enough() {
    let findings = examined(Zone::new().txt("_dmarc.example", "v=DMARC1; p=reject; psd=y")).await;
    assert_eq!(published(&findings[0]), "v=DMARC1; p=none; rua=mailto:postmaster@a.example");
}

#[tokio::test]
async fn two_records_are_bad() {
    let one = "v=DMARC1; p=none; rua=mailto:x@a.example";
    let findings = examined(Zone::new().txt(NAME, one).txt(NAME, "v=DMARC1; p=reject")).await;
    assert_eq!((findings.len(), findings[0].level), (1, Level::Bad));
    assert!(findings[0].says.contains("has 2 DMARC records where one belongs"));
}

#[tokio::test]
async fn what_is_almost_a_record_is_repaired() {
    for text in [
        "v=dmarc1; p=none",
        "v=DMARC1 p=none",
        "\"v=DMARC1; p=none\"",
        "v=DMARC1\\; p=none",
        " v=DMARC1, p=none",
    ] {
        let findings = of(text).await;
        assert_eq!((findings.len(), findings[0].level), (1, Level::Bad), "{text}");
        assert_eq!(published(&findings[0]), "v=DMARC1; p=none", "{text}");
    }
    let findings = of("p=none; v=DMARC1").await;
    assert!(findings[0].fix.as_ref().unwrap().contains("It is now: p=none; v=DMARC1"));
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_named() {
    let empty = of("v=DMARC1; p=nothing").await;
    assert_eq!((empty.len(), empty[0].level), (1, Level::Bad));
    assert_eq!(published(&empty[0]), "v=DMARC1; p=none");
    let watching = of("v=DMARC1; rua=mailto:x@a.example").await;
    assert_eq!((watching.len(), watching[0].level), (1, Level::Warn));
    assert_eq!(published(&watching[0]), "v=DMARC1; p=none; rua=mailto:x@a.example");
}

#[tokio::test]
async fn pieces_that_cannot_be_read_are_named() {
    let findings = of("v=DMARC1; p=reject; aspf=strict; rua=x@a.example").await;
    let says: Vec<&str> = findings[1..].iter().map(|finding| finding.says.as_str()).collect();
    assert_eq!(
        says,
        [
            "DMARC: `aspf=strict` in the record at _dmarc.a.example cannot be read, so it counts as missing.",
            "DMARC: `rua=x@a.example` in the record at _dmarc.a.example cannot be read, so it counts as \
            missing.",
        ]
    );
    assert!(findings[2].fix.as_ref().unwrap().contains("`rua=mailto:postmaster@a.example`"));
}

#[tokio::test]
async fn a_policy_for_those_below_that_cannot_be_read_voids_the_other() {
    let watching = of("v=DMARC1; p=reject; sp=nothing; rua=mailto:x@a.example").await;
    assert_eq!((watching.len(), watching[0].level), (1, Level::Warn));
    assert!(watching[0].says.ends_with("so the whole record counts as `p=none`, whatever its `p=` says."));
    assert_eq!(published(&watching[0]), "v=DMARC1; p=reject; rua=mailto:x@a.example");
    let skipped = of("v=DMARC1; p=reject; np=").await;
    assert_eq!((skipped.len(), skipped[0].level), (1, Level::Bad));
}

#[tokio::test]
async fn a_name_that_stands_twice_is_told() {
    let findings = of("v=DMARC1; p=reject; p=none; rua=mailto:x@a.example").await;
    assert_eq!((findings.len(), findings[1].level), (2, Level::Warn));
    assert!(findings[1].says.contains("`p=` stands more than once"));
    assert_eq!(published(&findings[1]), "v=DMARC1; p=reject; rua=mailto:x@a.example");
}

#[tokio::test]
async fn who_is_no_public_suffix_should_not_say_so() {
    let findings = of("v=DMARC1; p=reject; psd=y; rua=mailto:x@a.example").await;
    assert_eq!((findings.len(), findings[1].level), (2, Level::Warn));
    assert_eq!(published(&findings[1]), "v=DMARC1; p=reject; rua=mailto:x@a.example");
}

#[tokio::test]
async fn a_domain_of_which_there_is_nothing_goes_by_np() {
    let zone = || Zone::new().txt(NAME, "v=DMARC1; p=none; np=reject; rua=mailto:x@a.example");
    let first = async |zone: Zone| examine(&zone.serve().await, "news.a.example", None).await.remove(0);
    let nothing = first(zone()).await;
    assert_eq!(nothing.level, Level::Good);
    assert!(nothing.says.contains("(by `np=` in the record of a.example"), "{}", nothing.says);
    let something = first(zone().address("news.a.example", "192.0.2.1")).await;
    assert_eq!(something.level, Level::Note);
}

#[tokio::test]
async fn a_record_in_the_wrong_place_is_found() {
    let text = "v=DMARC1; p=none";
    let doubled = examined(Zone::new().txt("_dmarc.a.example.a.example", text)).await;
    assert!(doubled[0].fix.as_ref().unwrap().contains("Enter only _dmarc as its name"));
    let above = examined(Zone::new().txt("a.example", text)).await;
    assert!(above[0].fix.as_ref().unwrap().contains("Move it to _dmarc.a.example"));
    assert_eq!(published(&above[0]), text);
}

#[tokio::test]
async fn tags_that_were_given_up_are_noted() {
    let one = of("v=DMARC1; p=reject; pct=100; rua=mailto:x@a.example").await;
    assert_eq!((one.len(), one[1].level), (2, Level::Note));
    assert!(one[1].says.contains("`pct=`, in the record at _dmarc.a.example, was given up in 2026"));
    assert_eq!(published(&one[1]), "v=DMARC1; p=reject; rua=mailto:x@a.example");
    let more = of("v=DMARC1; p=reject; ri=1; rf=afrf; rua=mailto:x@a.example").await;
    assert!(more[1].says.contains("`ri=` and `rf=`, in the record at _dmarc.a.example, were given up"));
    assert_eq!(published(&more[1]), "v=DMARC1; p=reject; rua=mailto:x@a.example");
}

#[tokio::test]
async fn a_test_is_noted() {
    let findings = of("v=DMARC1; p=reject; t=y; rua=mailto:x@a.example").await;
    assert_eq!(findings[0].level, Level::Note);
    assert!(findings[0].says.contains("calls that a test (`t=y`)"));
}

#[tokio::test]
async fn without_an_address_for_reports_one_is_proposed() {
    let findings = of("v=DMARC1; p=reject").await;
    assert_eq!((findings.len(), findings[1].level), (2, Level::Note));
    assert_eq!(published(&findings[1]), "v=DMARC1; p=reject; rua=mailto:postmaster@a.example");
}

#[tokio::test]
async fn another_organization_has_to_want_the_reports() {
    let zone =
        || Zone::new().txt(NAME, "v=DMARC1; p=reject; rua=mailto:x@a.example,mailto:y@r.other.example");
    let findings = examined(zone()).await;
    assert_eq!((findings.len(), findings[1].level), (2, Level::Warn));
    let record = findings[1].record.as_ref().unwrap();
    assert_eq!(
        (record.name.as_str(), record.value.as_str()),
        ("a.example._report._dmarc.r.other.example", "v=DMARC1")
    );
    let agreed = examined(zone().txt("a.example._report._dmarc.r.other.example", "v=DMARC1;")).await;
    assert_eq!(agreed.len(), 1);
}

#[tokio::test]
async fn the_own_organization_need_not_be_asked() {
    let zone = Zone::new().txt(NAME, "v=DMARC1; p=reject; rua=mailto:x@reports.a.example");
    assert_eq!(examined(zone).await.len(), 1);
}

#[tokio::test]
async fn a_return_domain_of_the_same_organization_is_good() {
    let dns = Zone::new().txt(NAME, "v=DMARC1; p=reject; rua=mailto:x@a.example").serve().await;
    let last = |findings: Vec<Finding>| findings.last().unwrap().clone();
    let same = last(examine(&dns, "a.example", Some("b.a.example")).await);
    assert_eq!(same.level, Level::Good);
    assert!(same.says.contains("belongs to a.example, so SPF speaks for your letters too"));
    let other = last(examine(&dns, "a.example", Some("relay.example")).await);
    assert_eq!(other.level, Level::Note);
    assert!(other.says.contains("only the DKIM signature speaks for your letters"));
}

#[tokio::test]
async fn a_strict_record_wants_the_very_same_return_domain() {
    let dns = Zone::new().txt(NAME, "v=DMARC1; p=reject; aspf=s; rua=mailto:x@a.example").serve().await;
    let findings = examine(&dns, "a.example", Some("b.a.example")).await;
    assert!(findings[1].says.contains("(`aspf=s`)"), "{}", findings[1].says);
}

#[tokio::test]
async fn before_there_is_a_record_a_return_domain_below_is_not_blamed() {
    let dns = Zone::new().serve().await;
    assert_eq!(examine(&dns, "a.example", Some("b.a.example")).await.len(), 1);
    assert_eq!(examine(&dns, "a.example", Some("relay.example")).await.len(), 2);
}

#[tokio::test]
async fn every_finding_about_a_record_proposes_the_same() {
    let findings = of("v=DMARC1; p=reject; sp=block; pct=5; p=none; rua=mailto:x@a.example").await;
    assert_eq!(findings.len(), 3);
    for finding in &findings {
        assert_eq!(published(finding), "v=DMARC1; p=reject; rua=mailto:x@a.example", "{}", finding.says);
    }
}

#[tokio::test]
async fn a_dns_failure_is_a_finding() {
    let findings = examined(Zone::new().failing(NAME)).await;
    assert!(findings[0].says.starts_with("DMARC: cannot tell, because"));
    let above = Zone::new().failing("_dmarc.example");
    let findings = examined(above).await;
    assert!(findings[0].says.starts_with("DMARC: cannot tell, because"));
    let own = Zone::new().txt(NAME, "v=DMARC1; p=reject; rua=mailto:x@a.example").failing("_dmarc.example");
    let findings = examined(own).await;
    assert_eq!((findings.len(), findings[0].level), (1, Level::Good));
}
