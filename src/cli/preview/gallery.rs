//! The page that shows letters at two widths, in the light and in the dark, with their text and source.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, Response, StatusCode, header},
};

use crate::{
    delivery::Message,
    language::Language,
    message::{
        Contents,
        lint::{self, Finding},
    },
    newsletter::{Newsletter, variant::LetterKind},
    text::escape_html,
};

/// The widths at which mail is read: a telephone, and the middle column of a large screen.
const WIDTHS: [u32; 2] = [360, 600];
/// What the letter's own style sheet asks.
const DARK: &str = "@media (prefers-color-scheme: dark)";

/// A letter to be shown.
pub struct Shown {
    /// `1-digest-en`
    pub name: String,
    /// What it is about.
    pub kind: LetterKind,
    /// Who sends it, by name.
    pub sender: String,
    /// In which language.
    pub language: Language,
    /// As a reader finds it.
    pub contents: Contents,
    /// As it is sent.
    pub message: Message,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// The page and everything in it.
pub struct Gallery {
    /// Each file: name, media type, bytes.
    pub files: Vec<(String, &'static str, Vec<u8>)>,
}

/// The pictures of the site, which may not be published yet.
pub struct Media {
    /// Where letters look for them: `https://example.org/media/`.
    pub address: String,
    /// Each, by its address below that.
    pub files: Arc<BTreeMap<String, PathBuf>>,
}

impl Gallery {
    /// A page for these letters.
    pub fn new(newsletter: &Newsletter, why: &str, letters: &[Shown]) -> Self {
        let mut files = Vec::new();
        let mut page = String::new();
        for letter in letters {
            let (name, contents) = (&letter.name, &letter.contents);
            let light = in_scheme(&contents.html.replace(DARK, "@media not all"), "light");
            let dark = in_scheme(&contents.html.replace(DARK, "@media all"), "dark");
            files.push((format!("{name}.html"), HTML, light.into_bytes()));
            files.push((format!("{name}-dark.html"), HTML, dark.into_bytes()));
            files.push((format!("{name}.txt"), TEXT, contents.text.clone().into_bytes()));
            files.push((format!("{name}.eml"), TEXT, letter.message.bytes.clone()));
            page.push_str(&section(letter));
        }
        let title = format!("Preview: {}", newsletter.id);
        let page = PAGE
            .replace("{title}", &escape_html(&title))
            .replace("{why}", &in_words(why))
            .replace("{letters}", &page);
        files.push(("index.html".into(), HTML, page.into_bytes()));
        Self { files }
    }

    /// Serves it until the program is stopped.
    pub async fn serve(self, listen: SocketAddr, media: Media) -> anyhow::Result<()> {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        out!("http://{address}/");
        eprintln!("press Ctrl-C to stop");
        let mut files = self.files;
        let (from, to) = (format!("src=\"{}", media.address), format!("src=\"{MEDIA}"));
        for (_, _, bytes) in files.iter_mut().filter(|(_, media_type, _)| *media_type == HTML) {
            *bytes = String::from_utf8_lossy(bytes).replace(&from, &to).into_bytes();
        }
        let shown = Arc::new((files, media.files));
        let app = Router::new().fallback(move |request: Request| {
            let shown = shown.clone();
            async move { answer(&shown.0, &shown.1, &request, address) }
        });
        axum::serve(listener, app)
            .with_graceful_shutdown(async {
                let _ = tokio::signal::ctrl_c().await; // without a handler, Ctrl-C ends it all the same
            })
            .await?;
        Ok(())
    }
}

/// The same letter in one scheme, whatever that of this machine; its links open beside the page.
fn in_scheme(html: &str, scheme: &str) -> String {
    html.replace("color-scheme: light dark", &format!("color-scheme: {scheme}"))
        .replace("content=\"light dark\"", &format!("content=\"{scheme}\""))
        .replacen("<head>", "<head><base target=\"_blank\">", 1)
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Where the pictures of the site are served.
const MEDIA: &str = "/media/";

fn answer(
    files: &[(String, &'static str, Vec<u8>)],
    media: &BTreeMap<String, PathBuf>,
    request: &Request,
    address: SocketAddr,
) -> Response<Body> {
    // A page elsewhere must not read letters by naming this address as its own.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_ours = host == address.to_string() || host == format!("localhost:{}", address.port());
    let name = match request.uri().path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let letter = || {
        let (_, media_type, bytes) = files.iter().find(|(known, _, _)| known == name)?;
        Some((HeaderValue::from_static(media_type), bytes.clone()))
    };
    let picture = || {
        let name = request.uri().path().strip_prefix(MEDIA)?;
        let name = percent_encoding::percent_decode_str(name).decode_utf8().ok()?;
        let bytes = std::fs::read(media.get(name.as_ref())?).ok()?;
        let media_type = mime_guess::from_path(name.as_ref()).first_or_octet_stream();
        Some((HeaderValue::from_str(media_type.as_ref()).ok()?, bytes))
    };
    let found = if is_ours { letter().or_else(picture) } else { None };
    let mut response = if let Some((media_type, bytes)) = found {
        let mut response = Response::new(Body::from(bytes));
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        response
    } else {
        let mut response = Response::new(Body::from("no such letter\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    };
    let headers = response.headers_mut();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' http: https: data:; frame-src 'self'; frame-ancestors 'self'; form-action 'none'; base-uri 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn section(letter: &Shown) -> String {
    let Shown { name, contents, message, findings, language, .. } = letter;
    let subject = escape_html(&contents.subject);
    let frame = |(file, width, label): (String, u32, String)| {
        format!(
            "<figure><figcaption>{label}</figcaption><iframe sandbox=\"allow-popups\" title=\"{subject}: {label}\" src=\"{file}\" width=\"{width}\" height=\"760\"></iframe></figure>\n"
        )
    };
    let frames = WIDTHS.iter().flat_map(|width| {
        [
            (format!("{name}.html"), *width, format!("{width} px, light")),
            (format!("{name}-dark.html"), *width, format!("{width} px, dark")),
        ]
    });
    let findings: String = findings
        .iter()
        .map(|finding| {
            format!(
                "<li><b>{}</b>: {}. <i>{}</i></li>\n",
                finding.severity,
                in_words(&finding.message),
                in_words(&finding.hint)
            )
        })
        .collect();
    let source = String::from_utf8_lossy(&message.bytes).into_owned();
    let head = source.split("\r\n\r\n").next().unwrap_or_default();
    format!(
        "<section id=\"{name}\"><h2><bdi>{subject}</bdi></h2>\n<p>{name} · to {to} · {html} kB of HTML, {all} kB in all · <a href=\"{name}.html\">HTML</a> · <a href=\"{name}.txt\">text</a> · <a href=\"{name}.eml\">source</a></p>\n<p>In the list of letters: <b><bdi>{sender}</bdi></b> <bdi>{subject}</bdi> <span class=\"snippet\"><bdi>{snippet}</bdi></span></p>\n{faults}<div class=\"frames\">{frames}</div>\n<details><summary>Text</summary><pre lang=\"{language}\" dir=\"auto\">{text}</pre></details>\n<details><summary>Header</summary><pre>{head}</pre></details></section>\n",
        sender = escape_html(&letter.sender),
        snippet = escape_html(&lint::snippet(&contents.html)),
        to = escape_html(&message.recipient.to_string()),
        html = lint::bytes_sent(&contents.html) / 1000,
        all = message.bytes.len() / 1000,
        faults = if findings.is_empty() {
            String::new()
        } else {
            format!("<ul class=\"faults\">\n{findings}</ul>\n")
        },
        frames = frames.map(frame).collect::<String>(),
        text = escape_html(&contents.text),
        head = escape_html(head),
    )
}

/// As HTML; what stands between backticks is code.
fn in_words(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escape_html(part),
        _ => format!("<code>{}</code>", escape_html(part)),
    });
    parts.collect()
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root { color-scheme: light dark; }
body { margin: 0; padding: 24px; font: 16px/1.5 -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
h1 { font-size: 20px; margin: 0; }
h2 { font-size: 18px; margin: 32px 0 4px; }
p { margin: 4px 0 12px; }
.frames { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
iframe { max-width: 100%; }
figure { margin: 0; }
figcaption { font-size: 14px; padding: 4px 0; }
iframe { border: 1px solid #8886; background: #fff; resize: vertical; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; padding: 16px; border: 1px solid #8886; max-width: 900px; font: 15px/1.6 ui-monospace, Consolas, 'DejaVu Sans Mono', monospace; }
.snippet { opacity: 0.7; }
.faults { max-width: 900px; }
</style>
</head>
<body>
<h1>{title}</h1>
<p>Shown: {why}. Its links for leaving lead nowhere.</p>
{letters}</body>
</html>
"#;
