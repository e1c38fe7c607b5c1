//! Every name in a template looked up in what its page or letter is given, also where no sample comes: in a branch
//! that is not taken, behind an `{{#if}}` that is never true.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use handlebars::{
    Handlebars, Path, PathSeg, Template,
    template::{BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement},
};
use serde_json::Value;

use super::{helpers, limits::placed};

/// Partials gone into for one page or letter; what calls more is tried by rendering alone.
const PARTIALS_MAX: usize = 5_000;
/// What a loop over a list tells of itself.
const OF_LISTS: &[&str] = &["index", "first", "last"];
/// And one that may be over the fields of something.
const OF_FIELDS: &[&str] = &["index", "key", "first", "last"];

/// A name that leads to nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wrong {
    /// The file, as it is called: `mail/parts/top`.
    pub template: String,
    /// Line and column of its tag, from 1.
    pub place: (usize, usize),
    /// What was typed.
    pub name: Name,
}

/// What a name was to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// `site.title`
    Field(String),
    /// `articles`, where words should be.
    Whole(String),
    /// `plural`
    Helper(String),
    /// `mail/parts/top`
    Part(String),
}

/// Names that are somewhere, if not here: `{{#if feed}}` is no slip in a layout of all pages, but false on most.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// What some page or letter is given: `feed`, `feed.rss`.
    pub given: BTreeSet<String>,
    /// What some call hands to a part: `leave`.
    pub handed: BTreeSet<String>,
}

/// The names in `start`, and in all that it calls, that lead to nothing in `given`: a sample with everything.
pub(super) fn wrong(
    registry: &Handlebars<'_>,
    start: &str,
    given: &Value,
    elsewhere: &Elsewhere,
) -> BTreeSet<Wrong> {
    let root = Rc::new(given.clone());
    let top = Scope { base: Some(root.clone()), params: BTreeMap::new(), of_loop: &[], is_top: true };
    let mut walk = Walk { registry, root, elsewhere, scopes: vec![top], partials: 0, wrong: BTreeSet::new() };
    if let Some(template) = registry.get_template(start) {
        walk.template(template, At { template: start, place: (1, 1) });
    }
    walk.wrong
}

/// What the calls in these templates hand to parts.
pub(super) fn handed(registry: &Handlebars<'_>) -> BTreeSet<String> {
    fn gather(template: &Template, names: &mut BTreeSet<String>) {
        for element in &template.elements {
            let inner = match element {
                TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                    names.extend(call.hash.keys().cloned());
                    [call.template.as_ref(), None]
                }
                TemplateElement::HelperBlock(block) => [block.template.as_ref(), block.inverse.as_ref()],
                _ => continue,
            };
            inner.into_iter().flatten().for_each(|inner| gather(inner, names));
        }
    }
    let mut names = BTreeSet::new();
    registry.get_templates().values().for_each(|template| gather(template, &mut names));
    names
}

/// What a name leads to; nothing where that is known only when it is rendered.
type Found = Option<Rc<Value>>;

/// What `this` is, inside a block that changes it.
struct Scope {
    base: Found,
    /// `as |name|`, and what a call hands over.
    params: BTreeMap<String, Found>,
    /// What a loop tells of itself: `@index`.
    of_loop: &'static [&'static str],
    /// Whether `this` is all that the page or letter is given.
    is_top: bool,
}

struct Walk<'w> {
    registry: &'w Handlebars<'w>,
    root: Rc<Value>,
    elsewhere: &'w Elsewhere,
    /// The innermost last; there is always one.
    scopes: Vec<Scope>,
    partials: usize,
    wrong: BTreeSet<Wrong>,
}

/// A tag: its file and its place there.
#[derive(Clone, Copy)]
struct At<'a> {
    template: &'a str,
    place: (usize, usize),
}

impl Walk<'_> {
    fn template(&mut self, template: &Template, of: At<'_>) {
        for (element, place) in placed(template, of.place) {
            let at = At { place, ..of };
            match element {
                TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => {
                    self.expression(tag, at);
                }
                TemplateElement::HelperBlock(block) => self.block(block, at),
                TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                    self.call(call, at);
                }
                _ => {}
            }
        }
    }

    fn within(&mut self, template: Option<&Template>, at: At<'_>) {
        if let Some(template) = template {
            self.template(template, at);
        }
    }

    fn say(&mut self, at: At<'_>, name: Name) {
        self.wrong.insert(Wrong { template: at.template.to_string(), place: at.place, name });
    }

    /// A field, or a helper with its arguments.
    fn expression(&mut self, tag: &HelperTemplate, at: At<'_>) -> Found {
        let name = tag.name.as_name().unwrap_or_default();
        let is_helper = helpers::NAMES.contains(&name);
        if tag.params.is_empty() && tag.hash.is_empty() && !is_helper {
            let found = self.param(&tag.name, at);
            if found.as_deref().is_some_and(|value| value.is_array() || value.is_object()) {
                self.say(at, Name::Whole(name.to_string()));
            }
            return found;
        }
        if !is_helper {
            self.say(at, Name::Helper(name.to_string()));
        }
        let params: Vec<Found> = tag.params.iter().map(|param| self.param(param, at)).collect();
        tag.hash.values().for_each(|param| drop(self.param(param, at)));
        // `(lookup articles 0)`
        let (Some(Some(of)), [_, Parameter::Literal(key)]) = (params.first(), tag.params.as_slice()) else {
            return None;
        };
        let key = key.as_str().map_or_else(|| key.to_string(), str::to_string);
        (name == "lookup").then(|| step(of, &key).flatten()).flatten()
    }

    fn block(&mut self, block: &HelperTemplate, at: At<'_>) {
        let (then, otherwise) = (block.template.as_ref(), block.inverse.as_ref());
        block.hash.values().for_each(|param| drop(self.param(param, at)));
        match (block.name.as_name().unwrap_or_default(), block.params.as_slice()) {
            (name @ ("if" | "unless"), [condition]) => {
                let is_never = self.is_never(condition, at);
                let (when_true, when_false) =
                    if name == "if" { (then, otherwise) } else { (otherwise, then) };
                if !is_never {
                    self.within(when_true, at);
                }
                self.within(when_false, at);
            }
            (name @ ("each" | "with"), [of]) => {
                let mut base = self.param(of, at);
                let mut of_loop: &[&str] = &[];
                if name == "each" {
                    of_loop = if base.as_deref().is_some_and(Value::is_array) { OF_LISTS } else { OF_FIELDS };
                    base = base.and_then(|of| of.as_array()?.first().cloned().map(Rc::new));
                }
                let mut params = BTreeMap::new();
                let mut named = |name: &Parameter, value: Found| {
                    name.as_name().map(|name| params.insert(name.to_string(), value))
                };
                match &block.block_param {
                    Some(BlockParam::Single(one)) => drop(named(one, base.clone())),
                    Some(BlockParam::Pair((value, key))) => {
                        named(value, base.clone());
                        named(key, None);
                    }
                    _ => {}
                }
                self.scopes.push(Scope { base, params, of_loop, is_top: false });
                self.within(then, at);
                self.scopes.pop();
                self.within(otherwise, at);
            }
            (name, params) => {
                if !helpers::NAMES.contains(&name) {
                    self.say(at, Name::Helper(name.to_string()));
                }
                params.iter().for_each(|param| drop(self.param(param, at)));
                self.within(then, at);
                self.within(otherwise, at);
            }
        }
    }

    /// Whether a condition is never true here, because its name is only given elsewhere.
    fn is_never(&mut self, condition: &Parameter, at: At<'_>) -> bool {
        if let Parameter::Path(path) = condition
            && self.lookup(path).is_none()
            && self.is_elsewhere(path)
        {
            return true;
        }
        self.param(condition, at);
        false
    }

    fn is_elsewhere(&self, path: &Path) -> bool {
        let Path::Relative((segments, raw)) = path else { return false };
        let names = segments.iter().filter_map(|segment| match segment {
            PathSeg::Named(name) => Some(name.as_str()),
            _ => None,
        });
        let names: Vec<&str> = names.collect();
        let from_root = raw.starts_with("@root");
        let is_here = |name: &str| self.scopes.iter().any(|scope| scope.params.contains_key(name));
        let is_handed = |name: &&str| !from_root && self.elsewhere.handed.contains(*name) && !is_here(name);
        let is_top = from_root || self.scope(raw).is_top;
        names.first().is_some_and(is_handed) || is_top && self.elsewhere.given.contains(&names.join("."))
    }

    /// `{{> part}}`: what it is handed stands beside what is here, or beside the one thing it is called with.
    fn call(&mut self, call: &DecoratorTemplate, at: At<'_>) {
        let name = call.name.as_name().unwrap_or_default();
        if name == "@partial-block" {
            return self.within(call.template.as_ref(), at);
        }
        let Scope { base, is_top, .. } = self.scope("");
        let (mut base, is_top) = match call.params.first() {
            None => (base.clone(), *is_top),
            Some(of) => (self.param(of, at), false),
        };
        let handed = call.hash.iter().map(|(name, value)| (name.clone(), self.param(value, at)));
        let params: BTreeMap<String, Found> = handed.collect();
        let Some(part) = self.registry.get_template(name) else {
            return self.say(at, Name::Part(name.to_string()));
        };
        if let Some(Value::Object(fields)) = base.as_deref().filter(|_| !params.is_empty()) {
            let mut fields = fields.clone();
            let known = |value: &Found| value.as_deref().cloned().unwrap_or(Value::Null);
            fields.extend(params.iter().map(|(name, value)| (name.clone(), known(value))));
            base = Some(Rc::new(Value::Object(fields)));
        }
        self.partials += 1;
        if self.partials > PARTIALS_MAX {
            return;
        }
        let of_loop = self.scope("").of_loop;
        self.scopes.push(Scope { base, params, of_loop, is_top });
        self.within(call.template.as_ref(), at);
        self.template(part, At { template: name, place: (1, 1) });
        self.scopes.pop();
    }

    fn param(&mut self, param: &Parameter, at: At<'_>) -> Found {
        match param {
            Parameter::Literal(value) => Some(Rc::new(value.clone())),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(tag) => self.expression(tag, at),
                _ => None,
            },
            Parameter::Path(path) => self.lookup(path).unwrap_or_else(|| {
                let (Path::Relative((_, typed)) | Path::Local((_, _, typed))) = path;
                self.say(at, Name::Field(typed.clone()));
                None
            }),
            // Only what is called has a name that is no path.
            _ => None,
        }
    }

    /// Nothing if there is no such field.
    fn lookup(&self, path: &Path) -> Option<Found> {
        let (segments, raw) = match path {
            Path::Local((out, name, _)) => {
                if name == "root" {
                    return Some(Some(self.root.clone()));
                }
                let scope = self.scopes.iter().rev().nth(*out);
                return scope.is_some_and(|scope| scope.of_loop.contains(&name.as_str())).then_some(None);
            }
            Path::Relative((segments, raw)) => (segments, raw),
        };
        let mut names = segments.iter().filter_map(|segment| match segment {
            PathSeg::Named(name) => Some(name.as_str()),
            _ => None,
        });
        let mut found = match () {
            () if raw.starts_with("@root") => Some(self.root.clone()),
            () => {
                let handed = |name: &str| self.scopes.iter().rev().find_map(|scope| scope.params.get(name));
                match names.clone().next().and_then(handed) {
                    Some(value) => {
                        names.next();
                        value.clone()
                    }
                    None => self.scope(raw).base.clone(),
                }
            }
        };
        for name in names {
            let Some(value) = &found else { break };
            found = step(value, name)?;
        }
        Some(found)
    }

    /// The innermost, or that which each `../` leads out to.
    fn scope(&self, raw: &str) -> &Scope {
        let out = raw.matches("../").count();
        &self.scopes[self.scopes.len().saturating_sub(1 + out)]
    }
}

/// One name further. What the sample has nothing in may have anything; all of a list are like its first.
fn step(value: &Value, name: &str) -> Option<Found> {
    match value {
        Value::Object(fields) => fields.get(name).map(|field| Some(Rc::new(field.clone()))),
        Value::Array(all) => {
            name.parse::<usize>().ok().map(|_| all.first().map(|first| Rc::new(first.clone())))
        }
        Value::Null => Some(None),
        _ => None,
    }
}
