//! The examples of RFC 7208, and its limits.

use super::*;
use crate::doctor::zone::Zone;

/// The zone of RFC 7208 appendix A, with names under `example`.
fn example() -> Zone {
    Zone::new()
        .mx("a.example", 10, "mail-a.a.example")
        .mx("a.example", 20, "mail-b.a.example")
        .address("a.example", "192.0.2.10")
        .address("a.example", "192.0.2.11")
        .address("amy.a.example", "192.0.2.65")
        .address("bob.a.example", "192.0.2.66")
        .address("mail-a.a.example", "192.0.2.129")
        .address("mail-b.a.example", "192.0.2.130")
        .address("mail-c.b.example", "192.0.2.140")
        .mx("b.example", 10, "mail-c.b.example")
        .ptr("192.0.2.10", "a.example")
        .ptr("192.0.2.65", "amy.a.example")
        .ptr("192.0.2.140", "mail-c.b.example")
        .ptr("10.0.0.4", "bob.a.example")
}

async fn check(zone: Zone, address: &str) -> Outcome {
    check_host(&zone.serve().await, address.parse().unwrap(), "a.example").await
}

/// For records in the zone of the RFC: the addresses that pass, and those that do not.
async fn passes(record: &str, passing: &[&str], others: &[&str]) {
    let dns = example().txt("a.example", record).serve().await;
    for (addresses, wanted) in [(passing, true), (others, false)] {
        for address in addresses {
            let outcome = check_host(&dns, address.parse().unwrap(), "a.example").await;
            assert_eq!(outcome == Outcome::Pass, wanted, "{record}: {address} is {outcome:?}");
        }
    }
}

#[tokio::test]
async fn the_simple_examples_of_the_rfc_hold() {
    passes("v=spf1 +all", &["192.0.2.10", "203.0.113.1", "2001:db8::1"], &[]).await;
    passes("v=spf1 a -all", &["192.0.2.10", "192.0.2.11"], &["192.0.2.129"]).await;
    passes("v=spf1 a:b.example -all", &[], &["192.0.2.10", "192.0.2.140"]).await;
    passes("v=spf1 mx -all", &["192.0.2.129", "192.0.2.130"], &["192.0.2.10"]).await;
    passes("v=spf1 mx:b.example -all", &["192.0.2.140"], &["192.0.2.129"]).await;
    passes("v=spf1 mx mx:b.example -all", &["192.0.2.129", "192.0.2.140"], &["192.0.2.10"]).await;
    passes("v=spf1 mx/30 mx:b.example/30 -all", &["192.0.2.131", "192.0.2.143"], &["192.0.2.132"]).await;
    passes("v=spf1 ptr -all", &["192.0.2.10", "192.0.2.65"], &["192.0.2.140", "10.0.0.4"]).await;
    passes("v=spf1 ip4:192.0.2.128/28 -all", &["192.0.2.129"], &["192.0.2.65", "2001:db8::1"]).await;
    passes("v=spf1 exists:amy.a.example -all", &["2001:db8::1"], &[]).await;
    passes("v=spf1 exists:nobody.a.example -all", &[], &["192.0.2.10"]).await;
}

#[tokio::test]
async fn the_sign_decides_what_a_match_means() {
    for (record, wanted) in [
        ("v=spf1 -all", Outcome::Fail),
        ("v=spf1 ~all", Outcome::SoftFail),
        ("v=spf1 ?all", Outcome::Neutral),
        ("v=spf1 all", Outcome::Pass),
        ("v=spf1 mx", Outcome::Neutral),
        ("v=spf1", Outcome::Neutral),
        ("v=spf1 -ip4:192.0.2.10 +all", Outcome::Fail),
        ("nothing of the kind", Outcome::None),
    ] {
        assert_eq!(check(example().txt("a.example", record), "192.0.2.10").await, wanted, "{record}");
    }
}

#[tokio::test]
async fn only_a_pass_of_an_included_record_matches() {
    let zone = |included: &str| {
        Zone::new().txt("a.example", "v=spf1 include:b.example ?all").txt("b.example", included)
    };
    assert_eq!(check(zone("v=spf1 ip4:192.0.2.1 -all"), "192.0.2.1").await, Outcome::Pass);
    assert_eq!(check(zone("v=spf1 ip4:192.0.2.1 -all"), "192.0.2.2").await, Outcome::Neutral);
    assert_eq!(check(zone("v=spf1 ~all"), "192.0.2.2").await, Outcome::Neutral);
    let none = check(zone("no record"), "192.0.2.1").await;
    assert_eq!(none, Outcome::PermError("it points to b.example, which has no SPF record".into()));
    assert!(matches!(check(zone("v=spf1 nonsense"), "192.0.2.1").await, Outcome::PermError(_)));
}

#[tokio::test]
async fn a_redirect_takes_the_place_of_the_record_unless_something_matches() {
    let zone = |rest: &str| {
        Zone::new()
            .txt("a.example", &format!("v=spf1 {rest} redirect=b.example"))
            .txt("b.example", "v=spf1 ip4:192.0.2.1 -all")
    };
    assert_eq!(check(zone(""), "192.0.2.1").await, Outcome::Pass);
    assert_eq!(check(zone(""), "192.0.2.2").await, Outcome::Fail);
    assert_eq!(check(zone("?all"), "192.0.2.1").await, Outcome::Neutral);
    let nowhere = Zone::new().txt("a.example", "v=spf1 redirect=nowhere.example");
    assert!(matches!(check(nowhere, "192.0.2.1").await, Outcome::PermError(_)));
}

#[tokio::test]
async fn two_records_or_a_mistake_anywhere_spoil_it() {
    let two = Zone::new().txt("a.example", "v=spf1 +all").txt("a.example", "v=spf1 -all");
    assert!(matches!(check(two, "192.0.2.1").await, Outcome::PermError(_)));
    let late = Zone::new().txt("a.example", "v=spf1 +all ipv4:192.0.2.1");
    let why = "in the record of a.example, `ipv4:192.0.2.1` should be `ip4:192.0.2.1`";
    assert_eq!(check(late, "192.0.2.1").await, Outcome::PermError(why.into()));
}

#[tokio::test]
async fn ten_lookups_are_allowed_and_eleven_are_not() {
    let zone = |count: usize| {
        let hosts: Vec<String> = (0..count).map(|_| "a:b.example".to_string()).collect();
        Zone::new()
            .txt("a.example", &format!("v=spf1 {} +all", hosts.join(" ")))
            .address("b.example", "192.0.2.99")
    };
    assert_eq!(check(zone(10), "192.0.2.1").await, Outcome::Pass);
    let eleven = check(zone(11), "192.0.2.1").await;
    assert_eq!(eleven, Outcome::PermError("it takes more than 10 lookups to read".into()));
}

#[tokio::test]
async fn records_that_include_each_other_end() {
    let circle = || {
        Zone::new()
            .txt("a.example", "v=spf1 include:b.example -all")
            .txt("b.example", "v=spf1 include:a.example -all")
    };
    assert!(matches!(check(circle(), "192.0.2.1").await, Outcome::PermError(_)));
    let dns = circle().serve().await;
    let record = record_of(&dns, "a.example").await.unwrap().unwrap();
    assert_eq!(lookups_needed(&dns, &record).await, Ok(LOOKUPS_COUNTED_MAX));
}

#[tokio::test]
async fn two_empty_answers_are_allowed_and_three_are_not() {
    let two = Zone::new().txt("a.example", "v=spf1 a:x.example a:y.example +all");
    assert_eq!(check(two, "192.0.2.1").await, Outcome::Pass);
    let three = Zone::new().txt("a.example", "v=spf1 a:x.example a:y.example mx:z.example +all");
    assert!(matches!(check(three, "192.0.2.1").await, Outcome::PermError(_)));
}

#[tokio::test]
async fn words_that_lead_nowhere_are_found() {
    let dns = example().failing("away.example").serve().await;
    let text =
        "v=spf1 a mx a:gone.example mx:gone.example a:away.example exists:%{i}.b.example -all a:late.example";
    let record = SpfRecord::parse(text).unwrap();
    let dead: Vec<&str> =
        dead_ends(&dns, "a.example", &record).await.into_iter().map(|word| word.text.as_str()).collect();
    assert_eq!(dead, ["a:gone.example", "mx:gone.example"]);
}

#[tokio::test]
async fn a_dns_failure_is_temporary_but_not_in_the_names_of_an_address() {
    assert!(matches!(check(Zone::new().failing("a.example"), "192.0.2.1").await, Outcome::TempError(_)));
    let included = Zone::new().txt("a.example", "v=spf1 include:b.example +all").failing("b.example");
    assert!(matches!(check(included, "192.0.2.1").await, Outcome::TempError(_)));
    let named = Zone::new().txt("a.example", "v=spf1 ptr -all").failing("1.2.0.192.in-addr.arpa");
    assert_eq!(check(named, "192.0.2.1").await, Outcome::Fail);
}

#[tokio::test]
async fn a_macro_is_not_told_unless_something_before_it_decides() {
    let record = "v=spf1 ip4:192.0.2.1 exists:%{i}.b.example -all";
    assert_eq!(check(Zone::new().txt("a.example", record), "192.0.2.1").await, Outcome::Pass);
    let untold = Outcome::CannotTell("exists:%{i}.b.example".into());
    assert_eq!(check(Zone::new().txt("a.example", record), "192.0.2.2").await, untold);
    let included = Zone::new().txt("a.example", "v=spf1 include:b.example ~all").txt("b.example", record);
    assert_eq!(check(included, "192.0.2.2").await, Outcome::CannotTell("include:b.example".into()));
}

#[tokio::test]
async fn a_macro_that_would_pass_does_not_hide_a_later_pass() {
    let record = "v=spf1 exists:%{i}.b.example ip4:192.0.2.1 -all";
    assert_eq!(check(Zone::new().txt("a.example", record), "192.0.2.1").await, Outcome::Pass);
    let record = "v=spf1 -exists:%{i}.b.example ip4:192.0.2.1 -all";
    let outcome = check(Zone::new().txt("a.example", record), "192.0.2.1").await;
    assert_eq!(outcome, Outcome::CannotTell("-exists:%{i}.b.example".into()));
}

#[tokio::test]
async fn an_ipv4_address_in_ipv6_dress_is_an_ipv4_address() {
    let zone = Zone::new().txt("a.example", "v=spf1 ip4:192.0.2.1 -all");
    assert_eq!(check(zone, "::ffff:192.0.2.1").await, Outcome::Pass);
}

#[tokio::test]
async fn lookups_are_counted_through_includes_and_redirects() {
    let dns = Zone::new()
        .txt("b.example", "v=spf1 a mx ip4:192.0.2.1 ptr -all")
        .txt("c.example", "v=spf1 include:b.example ~all")
        .serve()
        .await;
    for (text, wanted) in [
        ("v=spf1 ip4:192.0.2.1 -all", 0),
        ("v=spf1 a include:c.example redirect=b.example", 1 + 5 + 4),
        ("v=spf1 -all a mx", 0),
        ("v=spf1 ?all redirect=b.example", 0),
    ] {
        let record = SpfRecord::parse(text).unwrap();
        assert_eq!(lookups_needed(&dns, &record).await, Ok(wanted), "{text}");
    }
}

#[test]
fn a_name_lies_in_a_domain_at_a_dot() {
    assert!(is_at_or_below("a.example", "a.example") && is_at_or_below("b.a.example", "a.example"));
    assert!(!is_at_or_below("ba.example", "a.example"));
}
