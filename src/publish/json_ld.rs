//! What a page says to machines about a piece: schema.org's `NewsArticle`.

use serde_json::{Map, Value, json};

use crate::{
    article::{Article, attribution::Attribution},
    config::Config,
    feed::page_of,
};

/// Structured data, safe inside `<script>`.
pub(super) fn of(article: &Article, translation: Option<&Article>, config: &Config) -> String {
    let manuscript = &article.manuscript;
    let url = page_of(article, &config.site.url);
    let authors: Vec<Value> = manuscript
        .authors
        .iter()
        .map(|name| match name == config.site.author.for_readers_of(&manuscript.language) {
            true => json!({ "@type": "Person", "name": name, "url": config.site.url }),
            false => json!({ "@type": "Person", "name": name }), // a guest has a site of their own
        })
        .collect();
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| data.insert(key.to_string(), value);
    put("@context", json!("https://schema.org"));
    put("@type", json!("NewsArticle"));
    put("headline", json!(manuscript.title));
    put("description", json!(manuscript.summary));
    put("inLanguage", json!(manuscript.language));
    put("datePublished", json!(moment(article.published())));
    put("dateModified", json!(moment(article.updated())));
    put("mainEntityOfPage", json!(url));
    put("url", json!(url));
    put("author", json!(authors));
    let site = config.site.title.for_readers_of(&manuscript.language);
    put("publisher", json!({ "@type": "Organization", "name": site, "url": config.site.url }));
    put("copyrightHolder", json!(authors));
    if let Some(image) = &manuscript.image {
        put("image", json!(image.src));
    }
    if !manuscript.tags.is_empty() {
        put("keywords", json!(manuscript.tags));
    }
    let originals: Vec<Value> =
        manuscript.attributions.iter().map(|attribution| original(attribution, article)).collect();
    let organizations: Vec<Value> = originals.iter().map(|original| original["publisher"].clone()).collect();
    if !originals.is_empty() {
        // "The Organization on whose behalf the creator was working": an exact fit.
        put("sourceOrganization", one_or_many(organizations));
        put("isBasedOn", one_or_many(originals));
    }
    if let Some(other) = translation {
        // Which of the two came first is what the author says, by naming the other.
        let key = match (&manuscript.translation, &other.manuscript.translation) {
            (Some(_), None) => "translationOfWork",
            _ => "workTranslation",
        };
        let url = page_of(other, &config.site.url);
        let language = &other.manuscript.language;
        put(key, json!({ "@type": "NewsArticle", "@id": url, "url": url, "inLanguage": language }));
    }
    // `<` would let a title close the script element.
    Value::Object(data).to_string().replace('<', "\\u003c")
}

fn original(attribution: &Attribution, article: &Article) -> Value {
    let outlet = &attribution.outlet;
    let name = outlet.name.for_readers_of(&article.manuscript.language);
    let mut organization = json!({ "@type": "NewsMediaOrganization", "name": name });
    if let Some(url) = &outlet.url {
        organization["url"] = json!(url);
    }
    let mut original = json!({ "@type": "NewsArticle", "publisher": organization });
    if let Some(url) = &attribution.url {
        original["url"] = json!(url);
    }
    if let Some(date) = attribution.date {
        original["datePublished"] = json!(date.day);
    }
    if let Some(title) = &attribution.title {
        original["headline"] = json!(title);
    }
    original
}

fn one_or_many(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

fn moment(moment: chrono::DateTime<chrono::Utc>) -> String {
    moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
