//! HTTP: validators, encodings, old addresses, and leaving a newsletter.

use std::io::Read;

use crate::support::{
    newsroom::CONFIG,
    program::{Folder, Serving},
};

fn small() -> Folder {
    let folder = Folder::with_config(CONFIG);
    folder.write(
        "articles/en/wells.md",
        &format!(
            "---\ntitle: Wells\ndate: 2026-03-01\nimage: wells.png\n---\n{}\n",
            "Water runs under the town. ".repeat(40)
        ),
    );
    folder.write("articles/en/wells.png", "not really a picture");
    folder.write("articles/fa/ab.md", "---\ntitle: آب\nslug: آب\ndate: 2026-02-01\n---\nآب.\n");
    folder
}

fn ask(serving: &Serving, path: &str, headers: &[(&str, &str)]) -> crate::support::http::Answer {
    serving.request("GET", path, headers, "")
}

#[test]
fn a_reader_that_has_the_bytes_is_told_so() {
    let folder = small();
    let serving = folder.serve();
    for path in ["/feed.rss", "/feed.atom", "/feed.json", "/", "/wells/", "/media/en/wells.png"] {
        let first = serving.get(path);
        assert_eq!(first.status, 200, "{path}");
        let (etag, modified) = (first.header("etag").to_string(), first.header("last-modified").to_string());
        assert_eq!(etag.starts_with("W/\""), !path.starts_with("/media/"), "{etag}");
        let strong = etag.trim_start_matches("W/").to_string();
        for (name, value) in
            [("If-None-Match", &etag), ("If-None-Match", &strong), ("If-Modified-Since", &modified)]
        {
            let again = ask(&serving, path, &[(name, value)]);
            assert_eq!(again.status, 304, "{path} {name}");
            assert!(again.body.is_empty());
            for header in ["etag", "last-modified", "cache-control", "vary"] {
                assert_eq!(again.header(header), first.header(header), "{path} {header}");
            }
        }
        let other = [("If-None-Match", "\"other\""), ("If-Modified-Since", modified.as_str())];
        assert_eq!(ask(&serving, path, &other).status, 200, "{path}: the tag wins over the date");
        let earlier = [("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")];
        assert_eq!(ask(&serving, path, &earlier).status, 200, "{path}");
    }
}

#[test]
fn validators_outlive_a_restart() {
    let folder = small();
    let serving = folder.serve();
    let before = serving.get("/feed.rss");
    assert_eq!(serving.stop(), 0);
    let serving = folder.serve();
    let after = serving.get("/feed.rss");
    assert_eq!(before.body, after.body);
    assert_eq!(before.header("etag"), after.header("etag"));
    assert_eq!(before.header("last-modified"), after.header("last-modified"));
}

#[test]
fn types_encodings_and_methods_are_right() {
    let folder = small();
    let serving = folder.serve();
    for (path, media_type) in [
        ("/feed.rss", "application/rss+xml; charset=utf-8"),
        ("/feed.atom", "application/atom+xml; charset=utf-8"),
        ("/feed.json", "application/feed+json"),
        ("/fa/feed.rss", "application/rss+xml; charset=utf-8"),
        ("/wells/", "text/html; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/media/en/wells.png", "image/png"),
    ] {
        let plain = serving.get(path);
        assert_eq!(plain.header("content-type"), media_type, "{path}");
        assert_eq!(plain.header("x-content-type-options"), "nosniff");
        assert_eq!(plain.header("set-cookie"), "");
        let head = serving.request("HEAD", path, &[], "");
        assert!(head.body.is_empty() && head.status == 200, "{path}");
        assert_eq!(head.header("content-length"), plain.body.len().to_string(), "{path}");
        let post = serving.request("POST", path, &[], "x");
        assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"), "{path}");
        if media_type != "image/png" {
            let gzip = ask(&serving, path, &[("Accept-Encoding", "gzip")]);
            assert_eq!(gzip.header("content-encoding"), "gzip", "{path}");
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut text).unwrap();
            assert_eq!(text, plain.body, "{path}");
            let br = ask(&serving, path, &[("Accept-Encoding", "gzip, deflate, br")]);
            assert_eq!(br.header("content-encoding"), "br", "{path}");
            let mut text = Vec::new();
            brotli::Decompressor::new(&br.body[..], 4096).read_to_end(&mut text).unwrap();
            assert_eq!(text, plain.body, "{path}");
            assert_eq!(br.header("etag"), plain.header("etag"));
        }
    }
}

#[test]
fn what_is_not_there_says_so_in_the_readers_language() {
    let folder = small();
    let serving = folder.serve();
    assert_eq!(serving.get("/healthz").status, 200);
    let missing = serving.get("/nothing/");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("Page not found"));
    assert!(serving.get("/fa/nothing/").text().contains("dir=\"rtl\""));
    assert_eq!(serving.get("/%D8%A2%D8%A8/").status, 200);
    let slashless = serving.get("/wells");
    assert_eq!((slashless.status, slashless.header("location")), (301, "/wells/"));
    assert_eq!(serving.get("/../config.toml").status, 404);
    assert_eq!(serving.get("/%2e%2e/config.toml").status, 404);
    assert_eq!(ask(&serving, "/", &[("Host", "evil.example")]).status, 421);
    assert_eq!(ask(&serving, "/", &[("Host", "far-bank.example")]).status, 200);
    assert_eq!(ask(&serving, "/feed.rss?utm_source=x", &[]).body, serving.get("/feed.rss").body);
}

#[test]
fn leaving_takes_a_press_of_the_button_and_works_at_once_for_ever() {
    let folder = small();
    folder.write(
        "subscribers/dispatches.csv",
        "email,cadence\nmina@example.org,weekly\nroya@example.org,weekly\n",
    );
    folder.run(&["send", "dispatches", "--yes"]).done();
    folder.run(&["deliver"]).done();
    let letters = folder.letters();
    let mina = letters.iter().find(|letter| letter.to() == "mina@example.org").unwrap();
    let path = mina.unsubscribe_path();
    let status = |email: &str| {
        let said = folder.run(&["readers", "list", "--json"]).done();
        let rows: Vec<serde_json::Value> =
            said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.into_iter().find(|row| row["email"] == email).unwrap()["status"].as_str().unwrap().to_string()
    };
    let serving = folder.serve();
    for method in ["GET", "HEAD", "GET"] {
        let page = serving.request(method, &path, &[], "");
        assert_eq!(page.status, 200);
        assert_eq!(page.header("cache-control"), "private, no-store");
    }
    let page = serving.get(&path).text();
    assert!(page.contains("<form") && page.contains("method=\"post\"") && !page.contains("mina@"), "{page}");
    assert_eq!(serving.request("POST", &path, &[], "something=else").status, 200);
    assert_eq!(status("mina@example.org"), "active", "only the button leaves");

    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    for _ in 0..3 {
        let left = serving.request("POST", &path, &form, "List-Unsubscribe=One-Click");
        assert_eq!(left.status, 200);
        assert_eq!((left.header("set-cookie"), left.header("location")), ("", ""));
    }
    assert_eq!(status("mina@example.org"), "ended");
    assert_eq!(status("roya@example.org"), "active");
    for forged in ["/unsubscribe/x", "/unsubscribe/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(serving.request("POST", forged, &form, "List-Unsubscribe=One-Click").status, 404);
    }
}
