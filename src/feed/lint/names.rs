//! Namespaces of feeds, their usual prefixes, and what the W3C feed validator knows in each.

/// Of Atom.
pub const ATOM: &str = "http://www.w3.org/2005/Atom";
/// Of Atom 0.3, a draft.
pub const ATOM_DRAFT: &str = "http://purl.org/atom/ns#";
/// Of RSS 1.0.
pub const RSS_1: &str = "http://purl.org/rss/1.0/";
/// Of `xml:lang` and `xml:base`.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Of XHTML.
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Prefix and address, as the validator has them. One with two of either stands twice.
const NAMESPACES: &[(&str, &str)] = &[
    ("access", "http://www.bloglines.com/about/specs/fac-1.0"),
    ("admin", "http://webns.net/mvcb/"),
    ("ag", "http://purl.org/rss/1.0/modules/aggregation/"),
    ("annotate", "http://purl.org/rss/1.0/modules/annotate/"),
    ("app", "http://www.w3.org/2007/app"),
    ("atom", ATOM),
    ("audio", "http://media.tangent.org/rss/1.0/"),
    ("blogChannel", "http://backend.userland.com/blogChannelModule"),
    ("cc", "http://web.resource.org/cc/"),
    ("cf", "http://www.microsoft.com/schemas/rss/core/2005"),
    ("company", "http://purl.org/rss/1.0/modules/company"),
    ("content", "http://purl.org/rss/1.0/modules/content/"),
    ("conversationsNetwork", "http://conversationsnetwork.org/rssNamespace-1.0/"),
    ("cp", "http://my.theinfo.org/changed/1.0/rss/"),
    ("creativeCommons", "http://backend.userland.com/creativeCommonsRssModule"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("email", "http://purl.org/rss/1.0/modules/email/"),
    ("ev", "http://purl.org/rss/1.0/modules/event/"),
    ("feedburner", "http://rssnamespace.org/feedburner/ext/1.0"),
    ("fh", "http://purl.org/syndication/history/1.0"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("g", "http://base.google.com/ns/1.0"),
    ("geo", "http://www.w3.org/2003/01/geo/wgs84_pos#"),
    ("georss", "http://www.georss.org/georss"),
    ("geourl", "http://geourl.org/rss/module/"),
    ("gml", "http://www.opengis.net/gml"),
    ("icbm", "http://postneo.com/icbm"),
    ("image", "http://purl.org/rss/1.0/modules/image/"),
    ("indexing", "urn:atom-extension:indexing"),
    ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
    ("kml20", "http://earth.google.com/kml/2.0"),
    ("kml21", "http://earth.google.com/kml/2.1"),
    ("kml22", "http://www.opengis.net/kml/2.2"),
    ("l", "http://purl.org/rss/1.0/modules/link/"),
    ("mathml", "http://www.w3.org/1998/Math/MathML"),
    ("media", "http://search.yahoo.com/mrss/"),
    ("openid", "http://openid.net/xmlns/1.0"),
    ("opensearch", "http://a9.com/-/spec/opensearch/1.1/"),
    ("opensearch10", "http://a9.com/-/spec/opensearchrss/1.0/"),
    ("opensearch", "http://a9.com/-/spec/opensearchrss/1.0/"),
    ("opml", "http://www.opml.org/spec2"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("ref", "http://purl.org/rss/1.0/modules/reference/"),
    ("reqv", "http://purl.org/rss/1.0/modules/richequiv/"),
    ("rss091", "http://purl.org/rss/1.0/modules/rss091#"),
    ("search", "http://purl.org/rss/1.0/modules/search/"),
    ("slash", "http://purl.org/rss/1.0/modules/slash/"),
    ("soap", "http://schemas.xmlsoap.org/soap/envelope/"),
    ("ss", "http://purl.org/rss/1.0/modules/servicestatus/"),
    ("str", "http://hacks.benhammersley.com/rss/streaming/"),
    ("sub", "http://purl.org/rss/1.0/modules/subscription/"),
    ("svg", "http://www.w3.org/2000/svg"),
    ("sx", "http://feedsync.org/2007/feedsync"),
    ("sy", "http://purl.org/rss/1.0/modules/syndication/"),
    ("taxo", "http://purl.org/rss/1.0/modules/taxonomy/"),
    ("thr", "http://purl.org/syndication/thread/1.0"),
    ("thr", "http://purl.org/rss/1.0/modules/threading/"),
    ("trackback", "http://madskills.com/public/xml/rss/module/trackback/"),
    ("wfw", "http://wellformedweb.org/CommentAPI/"),
    ("wiki", "http://purl.org/rss/1.0/modules/wiki/"),
    ("xhtml", XHTML),
    ("xlink", "http://www.w3.org/1999/xlink"),
    ("xml", XML),
];

/// Those that the validator does not know but many programs do. They are written with `http:` or
/// `https:`, with a slash at their end or without, and stand here in their shortest form.
const WIDESPREAD: &[(&str, &str)] = &[
    ("blogger", "schemas.google.com/blogger/2008"),
    ("blogger", "schemas.google.com/blogger/2018"),
    ("cc", "creativecommons.org/ns#"),
    ("creativeCommons", "cyber.law.harvard.edu/rss/creativeCommonsRssModule.html"),
    ("gd", "schemas.google.com/g/2005"),
    ("googleplay", "www.google.com/schemas/play-podcasts/1.0"),
    ("podcast", "podcastindex.org/namespace/1.0"),
    ("podcast", "github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md"),
    ("psc", "podlove.org/simple-chapters"),
    ("rawvoice", "www.rawvoice.com/rawvoiceRssModule"),
    ("rawvoice", "blubrry.com/developer/rawvoice-rss"),
    ("schema", "schema.org"),
    ("source", "source.scripting.com"),
    ("spotify", "www.spotify.com/ns/rss"),
    ("webfeeds", "webfeeds.org/rss/1.0"),
    ("yt", "www.youtube.com/xml/schemas/2015"),
];

/// What `dc:` has.
const DUBLIN_CORE: &[&str] = &[
    "contributor",
    "coverage",
    "creator",
    "date",
    "description",
    "format",
    "identifier",
    "language",
    "publisher",
    "relation",
    "rights",
    "source",
    "subject",
    "title",
    "type",
];

/// What `dcterms:` has, as far as the validator goes.
const DUBLIN_CORE_TERMS: &[&str] = &[
    "abstract",
    "accessRights",
    "accrualMethod",
    "accrualPeriodicity",
    "accrualPolicy",
    "alternative",
    "audience",
    "available",
    "bibliographicCitation",
    "conformsTo",
    "created",
    "dateAccepted",
    "dateCopyrighted",
    "dateSubmitted",
    "educationLevel",
    "extent",
    "hasFormat",
    "hasPart",
    "hasVersion",
    "instructionalMethod",
    "isFormatOf",
    "isPartOf",
    "isReferencedBy",
    "isReplacedBy",
    "isRequiredBy",
    "isVersionOf",
    "issued",
    "license",
    "mediator",
    "modified",
    "provenance",
    "references",
    "replaces",
    "requires",
    "rightsHolder",
    "spatial",
    "tableOfContents",
    "temporal",
    "valid",
];

/// The usual prefix of a namespace; none of one that is not known here.
pub fn prefix_of(address: &str) -> Option<&'static str> {
    rows(address).next()
}

/// Is the prefix one that this namespace usually has?
pub fn is_usual(prefix: &str, address: &str) -> bool {
    rows(address).any(|known| known.eq_ignore_ascii_case(prefix))
}

/// The namespace that a prefix usually means.
pub fn address_of(prefix: &str) -> Option<&'static str> {
    NAMESPACES.iter().find(|(known, _)| *known == prefix).map(|(_, address)| *address)
}

fn rows(address: &str) -> impl Iterator<Item = &'static str> {
    let bare = address.strip_prefix("http://").or(address.strip_prefix("https://"));
    let bare = bare.map_or(address, |bare| bare.strip_suffix('/').unwrap_or(bare));
    let known = NAMESPACES.iter().filter(move |(_, known)| *known == address);
    let widespread = WIDESPREAD.iter().filter(move |(_, known)| *known == bare);
    known.chain(widespread).map(|(prefix, _)| *prefix)
}

/// Is an element such as `dc:creator` part of its namespace? Only of two do we have the whole list.
pub fn is_defined(name: &str) -> bool {
    match name.split_once(':') {
        Some(("dc", local)) => DUBLIN_CORE.contains(&local),
        Some(("dcterms", local)) => DUBLIN_CORE_TERMS.contains(&local),
        _ => true,
    }
}
