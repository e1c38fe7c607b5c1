//! Pages: lists, articles, how to subscribe, and what stands where nothing does.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{
    ICON, PAGE, PICTURE, PublishError, STYLE, Sheet, json_ld,
    plan::{Plan, Touched},
    sections::{Kind, LIST_ARTICLES, Live, Section},
};
use crate::{
    article::{Article, ArticleId, attribution::SearchEngines},
    feed::page_of,
    language::Language,
    newsroom::Settings,
    site::{Key, Notices},
    template::{
        PICTURES, Page, TemplateError,
        context::{
            ArticleRest, CadenceContext, FeedLink, FeedRest, FullArticle, LanguageLink, ListRest, Moment,
            NewsletterOffer, NothingMore, PageContext, PageHead, SubscribeRest, TopicLink, TopicsRest,
            TranslationLink,
        },
    },
};

/// Articles that a person sees who opens a feed.
const FEED_VIEW_ARTICLES: usize = 10;

/// Adds the pages of a section up to the one with the article at `place`: its list, and what a person sees
/// who opens its feed.
pub(super) fn add_section<'p>(
    sheets: &mut Vec<Sheet<'p>>,
    section: &'p Section,
    place: usize,
    plan: &'p Plan,
) {
    let count = section.articles.len();
    let full = section.numbered_pages();
    let first = count - full * LIST_ARTICLES;
    // The newest page, and the numbered ones up to that which has the place; in any case the two that
    // another newest page would be a neighbour of.
    let reached = place.saturating_sub(first) / LIST_ARTICLES + 1;
    let numbered = (0..reached.max(2).min(full))
        .map(|index| (Some(full - index), first + index * LIST_ARTICLES, LIST_ARTICLES));
    for (number, from, length) in [(None, 0, first)].into_iter().chain(numbered) {
        let articles: Vec<Arc<Live>> = section.articles.iter().skip(from).take(length).cloned().collect();
        let path = list_path(section, number);
        let neighbours =
            (number == Some(full), number.is_none() && full > 0, number.is_none().then_some(full));
        let key = list_key(&articles, &format!("{path} {neighbours:?} {}", section.about()), plan);
        let own = path.clone();
        let make = move || Ok(list(section, &articles, (number, full), &own, plan)?.into_bytes());
        sheets.push(Sheet::one(path, &PAGE, key, make));
    }
    let newest: Vec<Arc<Live>> = section.articles.iter().take(FEED_VIEW_ARTICLES).cloned().collect();
    let path = format!("{}feed.html", section.prefix);
    let key = list_key(&newest, &format!("{path} {}", section.about()), plan);
    let make = move || Ok(feed_view(section, &newest, plan)?.into_bytes());
    sheets.push(Sheet::one(path, &PAGE, key, make));
}

/// Adds the page of an article, if that is out.
pub(super) fn add_article<'p>(sheets: &mut Vec<Sheet<'p>>, id: ArticleId, plan: &'p Plan) {
    let Some(live) = plan.article(id) else { return };
    let path = format!("/{}/", live.article.manuscript.slug);
    let translation = plan.translation(&live.article).map(|other| other.key);
    let key = Key::of([Some(live.key), translation].into_iter().flatten());
    let make = move || Ok(piece(live, plan)?.into_bytes());
    sheets.push(Sheet::one(path, &PAGE, key, make));
}

/// Adds the pages with every tag, and with every outlet, if one of them is touched.
pub(super) fn add_topics<'p>(sheets: &mut Vec<Sheet<'p>>, touched: &Touched, plan: &'p Plan) {
    for (kind, prefix, title) in
        [(Kind::Tag, "/tags/", "page.topics"), (Kind::Outlet, "/outlets/", "page.outlets")]
    {
        if !touched.sections.keys().any(|section| section.starts_with(prefix)) {
            continue;
        }
        let counted: Vec<(&Section, usize)> =
            plan.sections_of(kind).map(|section| (section, section.articles.len())).collect();
        if counted.is_empty() {
            continue;
        }
        let named =
            counted.iter().map(|(section, count)| format!("{} {} {count}", section.prefix, section.name));
        let key = Key::of([plan.settings.key.to_string()].into_iter().chain(named));
        let make = move || Ok(topics(&counted, prefix, title, plan)?.into_bytes());
        sheets.push(Sheet::one(prefix.into(), &PAGE, key, make));
    }
}

/// Adds what depends on the settings alone: how to subscribe, and what pages need.
pub(super) fn add_others<'p>(sheets: &mut Vec<Sheet<'p>>, plan: &'p Plan) {
    let settings = &plan.settings;
    for section in plan.sections().filter(|section| section.is_main()) {
        let path = format!("{}subscribe/", section.prefix);
        let make = move || Ok(subscribe(section, plan)?.into_bytes());
        sheets.push(Sheet::one(path, &PAGE, settings.key, make));
    }
    let style = move || Ok(settings.templates.style().as_bytes().to_vec());
    let path = "/assets/style.css".to_string();
    sheets.push(Sheet::one(path, &STYLE, settings.key, style));
    for (path, bytes) in PICTURES {
        let key = Key::of([*bytes]);
        let form = if path.ends_with(".ico") { &ICON } else { &PICTURE };
        sheets.push(Sheet::one((*path).into(), form, key, || Ok(bytes.to_vec())));
    }
}

/// What stands where nothing does, in each language.
pub(super) fn notices(plan: &Plan) -> Result<Vec<(Language, Notices)>, TemplateError> {
    let settings = &plan.settings;
    let languages = settings.config.site.languages.iter();
    let notices = languages.map(|language| {
        let missing = notice(Page::Missing, "missing.title", language, settings)?;
        let gone = notice(Page::Gone, "gone.title", language, settings)?;
        Ok((language.clone(), Notices { missing, gone }))
    });
    notices.collect()
}

/// The value of `Link` of every feed (`WebSub` §4): `{self}` stands for its own address.
pub(super) fn feed_link(plan: &Plan) -> String {
    let hubs = plan.settings.config.hubs();
    let hubs: String = hubs.iter().map(|hub| format!(", <{hub}>; rel=\"hub\"")).collect();
    format!("<{{self}}>; rel=\"self\"{hubs}")
}

fn list_path(section: &Section, number: Option<usize>) -> String {
    match number {
        None => section.prefix.clone(),
        Some(number) => format!("{}page/{number}/", section.prefix),
    }
}

fn list_key(articles: &[Arc<Live>], about: &str, plan: &Plan) -> Key {
    let own = [Key::of([about]), plan.settings.key].into_iter();
    Key::of(own.chain(articles.iter().map(|live| live.key)))
}

fn list(
    section: &Section,
    articles: &[Arc<Live>],
    (number, full): (Option<usize>, usize),
    path: &str,
    plan: &Plan,
) -> Result<String, TemplateError> {
    let (settings, language) = (&*plan.settings, &section.language);
    let site = &settings.config.site;
    let url = plan.url(path).to_string();
    let title = match section.kind {
        Kind::Tag | Kind::Outlet => section.name.clone(),
        Kind::Whole | Kind::Language => site.title.for_readers_of(language).to_string(),
    };
    let head = PageHead {
        title,
        description: match section.kind {
            Kind::Tag | Kind::Outlet => String::new(),
            Kind::Whole | Kind::Language => site.description.for_readers_of(language).to_string(),
        },
        canonical: Some(url.clone()),
        url,
        ..head(language)
    };
    let page_url = |number: Option<usize>| plan.url(&list_path(section, number)).to_string();
    let older = number.map_or(full, |number| number - 1);
    let rest = ListRest {
        kind: match section.kind {
            Kind::Whole | Kind::Language => "front",
            Kind::Tag => "topic",
            Kind::Outlet => "outlet",
        },
        articles: articles.iter().map(|live| settings.card(&live.article)).collect(),
        older: (older > 0).then(|| page_url(Some(older))),
        newer: number.map(|number| page_url((number < full).then_some(number + 1))),
    };
    let mut context = page(settings, language, head, rest);
    if matches!(section.kind, Kind::Tag | Kind::Outlet) {
        context.feeds.insert(0, feed_of(section, plan));
    }
    settings.templates.page(Page::List, language, &context)
}

fn feed_of(section: &Section, plan: &Plan) -> FeedLink {
    feed_link_at(plan.title(section), &section.prefix, |path| plan.url(path).to_string())
}

fn feed_link_at(title: String, prefix: &str, url: impl Fn(&str) -> String) -> FeedLink {
    FeedLink {
        title,
        rss: url(&format!("{prefix}feed.rss")),
        atom: url(&format!("{prefix}feed.atom")),
        json: url(&format!("{prefix}feed.json")),
    }
}

/// What a person sees who opens a feed in a browser.
fn feed_view(section: &Section, newest: &[Arc<Live>], plan: &Plan) -> Result<String, TemplateError> {
    let (settings, language) = (&*plan.settings, &section.language);
    let head = PageHead {
        title: plan.title(section),
        url: plan.url(&format!("{}feed.html", section.prefix)).to_string(),
        robots: Some("noindex".into()),
        ..head(language)
    };
    let rest = FeedRest {
        feed: feed_of(section, plan),
        home: plan.url(&section.prefix).to_string(),
        articles: newest.iter().map(|live| settings.card(&live.article)).collect(),
    };
    settings.templates.page(Page::Feed, language, &page(settings, language, head, rest))
}

/// Feeds and newsletters, and how to get them.
fn subscribe(section: &Section, plan: &Plan) -> Result<String, TemplateError> {
    let (settings, language) = (&*plan.settings, &section.language);
    let url = plan.url(&format!("{}subscribe/", section.prefix)).to_string();
    let head = PageHead {
        title: settings.templates.string(language, "page.subscribe").to_string(),
        canonical: Some(url.clone()),
        url,
        ..head(language)
    };
    let newsletters = settings.config.newsletters.iter().map(|newsletter| NewsletterOffer {
        newsletter: settings.newsletter_context(newsletter, language),
        cadences: newsletter
            .cadences
            .iter()
            .map(|cadence| CadenceContext {
                name: match settings.templates.string(language, &format!("cadence.{}", cadence.name)) {
                    "" => cadence.name.clone(),
                    said => said.to_string(),
                },
            })
            .collect(),
    });
    let rest = SubscribeRest { newsletters: newsletters.collect() };
    settings.templates.page(Page::Subscribe, language, &page(settings, language, head, rest))
}

/// Every tag, or every outlet.
fn topics(
    sections: &[(&Section, usize)],
    prefix: &str,
    title: &str,
    plan: &Plan,
) -> Result<String, TemplateError> {
    let (settings, language) = (&*plan.settings, plan.settings.config.site.language());
    let url = plan.url(prefix).to_string();
    let head = PageHead {
        title: settings.templates.string(language, title).to_string(),
        canonical: Some(url.clone()),
        url,
        ..head(language)
    };
    let mut sections: Vec<&(&Section, usize)> = sections.iter().collect();
    sections.sort_by_cached_key(|(section, _)| crate::language::collation(&section.name));
    let topics = sections.into_iter().map(|(section, count)| TopicLink {
        name: section.name.clone(),
        url: Some(plan.url(&section.prefix).to_string()),
        count: language.number(*count),
    });
    let rest = TopicsRest { topics: topics.collect() };
    settings.templates.page(Page::Topics, language, &page(settings, language, head, rest))
}

fn piece(live: &Live, plan: &Plan) -> Result<String, PublishError> {
    let settings = &*plan.settings;
    let (article, config) = (&live.article, &settings.config);
    let manuscript = &article.manuscript;
    let language = &manuscript.language;
    let (published, updated) = (article.published(), article.updated());
    let (canonical, robots) = search_engines(article, settings);
    let translation = plan.translation(article);
    let head = PageHead {
        title: manuscript.title.clone(),
        description: manuscript.summary.clone(),
        url: page_of(article, &config.site.url).to_string(),
        canonical,
        robots,
        json_ld: Some(json_ld::of(article, translation.map(|other| other.article.as_ref()), config)),
        kind: "article",
        image: manuscript.image.as_ref().map(|image| image.src.clone()),
        published: Some(machine(published)),
        modified: Some(machine(updated)),
        ..head(language)
    };
    let mut card = settings.card(article);
    card.body_html =
        Some(crate::article::markup::direct_unless_usual(&plan.text(article)?, language.direction()));
    let full = FullArticle {
        card,
        author: language.list(&manuscript.authors),
        updated: (updated > published).then(|| Moment {
            date: language.date(&updated.with_timezone(&config.site.zone)),
            datetime: machine(updated),
        }),
        translation: translation.map(|other| translation_link(&other.article, settings)),
        originals: manuscript.attributions.iter().filter_map(|attribution| attribution.url.clone()).collect(),
    };
    let context = page(settings, language, head, ArticleRest { article: full });
    Ok(settings.templates.page(Page::Article, language, &context)?)
}

/// The page to show instead of ours, and whether ours may be shown at all, as the outlet has it.
fn search_engines(article: &Article, settings: &Settings) -> (Option<String>, Option<String>) {
    let own = Some(page_of(article, &settings.config.site.url).to_string());
    for attribution in &article.manuscript.attributions {
        match (attribution.outlet.search_engines, &attribution.url) {
            (SearchEngines::NoIndex, _) => return (own, Some("noindex".into())),
            (SearchEngines::Canonical, Some(original)) => return (Some(original.clone()), None),
            _ => {}
        }
    }
    (own, None)
}

fn translation_link(other: &Article, settings: &Settings) -> TranslationLink {
    let language = &other.manuscript.language;
    TranslationLink {
        title: other.manuscript.title.clone(),
        url: page_of(other, &settings.config.site.url).to_string(),
        language: language.clone(),
        direction: language.direction(),
        language_name: language.own_name().to_string(),
    }
}

fn notice(
    kind: Page,
    title: &str,
    language: &Language,
    settings: &Settings,
) -> Result<String, TemplateError> {
    let head = PageHead {
        title: settings.templates.string(language, title).to_string(),
        url: settings.config.site.url.to_string(),
        robots: Some("noindex".into()),
        ..head(language)
    };
    settings.templates.page(kind, language, &page(settings, language, head, NothingMore {}))
}

/// A page's head with nothing said yet.
pub fn head(language: &Language) -> PageHead {
    PageHead {
        title: String::new(),
        description: String::new(),
        url: String::new(),
        canonical: None,
        robots: None,
        json_ld: None,
        kind: "website",
        locale: language.locale(),
        image: None,
        published: None,
        modified: None,
    }
}

/// A page in a language: what all of them have, and `rest`.
pub fn page<'c, R: Serialize>(
    settings: &'c Settings,
    language: &Language,
    head: PageHead,
    rest: R,
) -> PageContext<'c, R> {
    let site = &settings.config.site;
    let languages = site.languages.iter().filter(|_| site.languages.len() > 1).map(|code| LanguageLink {
        code: code.clone(),
        name: code.own_name().to_string(),
        url: site.home(code).to_string(),
        current: code == language,
    });
    PageContext {
        site: settings.site_context(language),
        language: language.clone(),
        direction: language.direction(),
        t: settings.templates.strings(language),
        languages: languages.collect(),
        feeds: feeds(settings, language),
        // A reader's language may be none of the site's.
        home_url: if site.languages.contains(language) { site.home(language) } else { site.url.clone() }
            .into(),
        subscribe_url: site.subscribe_page(language).into(),
        page: head,
        rest,
    }
}

/// The site's feed and those of its languages, the one for this page first.
fn feeds(settings: &Settings, language: &Language) -> Vec<FeedLink> {
    let site = &settings.config.site;
    let link = |title: String, prefix: &str| feed_link_at(title, prefix, |path| absolute(settings, path));
    let mut feeds = vec![link(site.title.for_readers_of(site.language()).to_string(), "/")];
    if site.languages.len() > 1 {
        for each in &site.languages {
            let title = format!("{} · {}", site.title.for_readers_of(each), each.own_name());
            let first = each == language && language != site.language();
            feeds.insert(if first { 0 } else { feeds.len() }, link(title, &format!("/{each}/")));
        }
    }
    feeds
}

fn absolute(settings: &Settings, path: &str) -> String {
    settings.config.site.url.join(path).map(String::from).unwrap_or_default()
}

fn machine(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
