//! A feed as a reader's program keeps it: Debian's newsboat, run once without a screen.
//!
//! Needs the packages newsboat and python3. For what a feed says in detail see `readers/read_feeds.py`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// One item in newsboat's cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewsboatItem {
    /// The address of the feed it came in.
    pub feed: String,
    /// As text, as newsboat shows it.
    pub title: String,
    /// Empty if newsboat found none.
    pub author: String,
    /// HTML.
    pub content: String,
    /// What newsboat tells items apart by; it keeps one item a guid over all feeds.
    pub guid: String,
    /// Seconds since 1970.
    pub published: i64,
}

/// Subscribes to `feeds`, reloads once and returns all that is in the cache below `folder`, as newsboat received it.
///
/// Call it again with the same folder for a reader who comes back. A feed that cannot be had leaves no items and is no
/// error to newsboat; an item without a date gets the time of the reload.
pub fn reload(folder: &Path, feeds: &[&str]) -> Vec<NewsboatItem> {
    fs::write(folder.join("urls"), feeds.join("\n")).expect("the folder takes a file");
    fs::write(folder.join("config"), CONFIG).expect("the folder takes a file");
    let mut newsboat = Command::new("newsboat");
    newsboat.args(["-u", "urls", "-c", "cache.db", "-C", "config", "-x", "reload"]);
    // Its own home, so that no one's settings are read; UTF-8, or every other script becomes question marks.
    run(newsboat.current_dir(folder).env("HOME", folder).env("LC_ALL", "C.UTF-8"));
    items(folder)
}

const CONFIG: &str = "\
reload-threads 1
download-retries 1
download-timeout 10
";

fn items(folder: &Path) -> Vec<NewsboatItem> {
    let output = run(Command::new("/usr/bin/python3").args(["-c", QUERY]).current_dir(folder));
    let text = String::from_utf8(output.stdout).expect("the cache is UTF-8");
    let fields: Vec<_> = text.split_terminator('\0').map(str::to_owned).collect();
    assert!(fields.len().is_multiple_of(FIELDS), "{fields:?}");
    fields.chunks(FIELDS).map(item).collect()
}

const FIELDS: usize = 6;

// NUL parts the fields: XML cannot hold one.
const QUERY: &str = "
import sqlite3, sys
rows = sqlite3.connect('cache.db').execute(
    'select feedurl, title, author, content, guid, pubDate from rss_item where not deleted order by id')
for row in rows:
    sys.stdout.buffer.write(''.join(f'{field}\\0' for field in row).encode())
";

fn item(fields: &[String]) -> NewsboatItem {
    let [feed, title, author, content, guid, published] = fields else { unreachable!("chunks of {FIELDS}") };
    NewsboatItem {
        feed: feed.clone(),
        title: title.clone(),
        author: author.clone(),
        content: content.clone(),
        guid: guid.clone(),
        published: published.parse().expect("newsboat keeps dates as seconds"),
    }
}

fn run(command: &mut Command) -> Output {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error} (see the packages above)"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use super::*;

    const FEED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Desk</title>
<link>https://example.org/</link><description>d</description>
<item><title>تهران &amp; "q"</title><link>https://example.org/1</link><guid isPermaLink="false">urn:1</guid>
<dc:creator>Mina</dc:creator><pubDate>Fri, 06 Mar 2026 07:00:00 GMT</pubDate>
<description>&lt;p&gt;سلام&lt;/p&gt;</description></item></channel></rss>"#;

    /// Serves the feed once on a free port.
    fn serve_once() -> (String, thread::JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/feed.xml", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
            while request.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            // The end of the connection is the end of the feed.
            let head = "HTTP/1.0 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n";
            stream.write_all(format!("{head}{FEED}").as_bytes()).unwrap();
        });
        (url, serving)
    }

    #[test]
    fn newsboat_keeps_what_the_feed_says() {
        let folder = tempfile::tempdir().unwrap();
        let (url, serving) = serve_once();
        let items = reload(folder.path(), &[&url]);
        serving.join().unwrap();
        let item = NewsboatItem {
            feed: url,
            title: "تهران & \"q\"".to_owned(),
            author: "Mina".to_owned(),
            content: "<p>سلام</p>".to_owned(),
            guid: "urn:1".to_owned(),
            published: 1_772_780_400,
        };
        assert_eq!(items, [item]);
    }
}
