//! What a template may not be: what would overflow the stack, take for ever or never end. Nothing can catch a stack that
//! overflows. So the text is counted before it is compiled, on a stack with room for all that the counts let pass; and
//! what was compiled is measured before it is rendered.

use std::collections::BTreeMap;

use handlebars::{
    Template,
    template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement},
};

use crate::diagnostic::{Diagnostic, Problems, SourceFile};

/// Tags in one file.
const TAGS_MAX: usize = 1_000;
/// Brackets in one file, also those of its words and styles.
const BRACKETS_MAX: usize = 1_000;
/// Room for a file that is nothing but openings, in a build without optimisation.
pub(super) const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Blocks within blocks.
const BLOCKS_DEEP_MAX: usize = 32;
/// Brackets within brackets: `(eq (lookup …) …)`.
const BRACKETS_DEEP_MAX: usize = 8;
/// Blocks and calls within each other, partials counted as if they stood where they are called.
const DEEP_MAX: usize = 64;
/// `{{#> …}}` within each other, in one file: what is inside is made once for each.
const PARTIAL_BLOCKS_DEEP_MAX: usize = 2;
/// Calls of partials that one template comes to.
const CALLS_MAX: usize = 100_000;
/// How often a loop is taken to go round.
const TIMES_ROUND: usize = 20;
/// Loops within loops, partials counted as if they stood where they are called.
const LOOPS_DEEP_MAX: usize = 3;

/// Why a text is not even compiled, if it is not.
pub(super) fn too_much(text: &str) -> Option<String> {
    let (tags, brackets) = (text.matches("{{").count(), text.matches('(').count());
    match () {
        () if tags > TAGS_MAX => Some(format!("{tags} tags are more than a file may have, {TAGS_MAX}")),
        () if brackets > BRACKETS_MAX => {
            Some(format!("{brackets} brackets are more than a file may have, {BRACKETS_MAX}"))
        }
        () => None,
    }
}

/// Whether what was compiled may be rendered; if not, why.
pub(super) fn check(files: &[(&SourceFile, &str, &Template)], problems: &Problems) -> bool {
    let mut sources = BTreeMap::new();
    let mut hold = true;
    for (file, name, template) in files {
        match Outline::of(template) {
            Ok(outline) => {
                sources.insert(*name, (*file, outline));
            }
            Err((place, why)) => {
                problems.push(Diagnostic::template(file, Some(place), why));
                hold = false;
            }
        }
    }
    if !hold {
        return false;
    }
    if let Some((file, path)) = cycle(&sources) {
        problems.push(Diagnostic::template_cycle(file, &path));
        return false;
    }
    let mut known = BTreeMap::new();
    for (name, (file, _)) in &sources {
        let Whole { loops, deep, calls } = whole(name, &sources, &mut known);
        let why = match () {
            () if loops > LOOPS_DEEP_MAX => {
                format!("loops stand in loops more than {LOOPS_DEEP_MAX} deep, which may never end")
            }
            () if deep > DEEP_MAX => {
                format!("its parts, with theirs, stand in each other more than {DEEP_MAX} deep")
            }
            () if calls > CALLS_MAX => "its parts call others so often that it may never end".to_string(),
            () => continue,
        };
        problems.push(Diagnostic::template(file, Some((1, 1)), why));
        hold = false;
    }
    hold
}

/// The partials that a template calls, with what is around each call; and its own deepest places.
#[derive(Default)]
struct Outline {
    calls: Vec<Call>,
    loops: usize,
    deep: usize,
    /// `{{> @partial-block}}`
    slots: usize,
}

struct Call {
    name: String,
    /// Loops around it.
    loops: usize,
    /// Blocks around it, loops among them.
    deep: usize,
}

/// What is around a tag: blocks, those among them that are loops, and those that are calls.
#[derive(Clone, Copy, Default)]
struct Around {
    blocks: usize,
    loops: usize,
    calls: usize,
}

/// Where something stands that is not taken (line and column, from 1), and why.
type Refused = ((usize, usize), String);

impl Outline {
    fn of(template: &Template) -> Result<Self, Refused> {
        let mut outline = Self::default();
        outline.measure(template, (1, 1), Around::default())?;
        Ok(outline)
    }

    fn measure(&mut self, template: &Template, tag: (usize, usize), around: Around) -> Result<(), Refused> {
        self.loops = self.loops.max(around.loops);
        self.deep = self.deep.max(around.blocks);
        if around.blocks > BLOCKS_DEEP_MAX {
            return Err((tag, "blocks stand in blocks too deep".into()));
        }
        placed(template, tag).try_for_each(|(element, place)| self.element(element, place, around))
    }

    fn element(
        &mut self,
        element: &TemplateElement,
        place: (usize, usize),
        around: Around,
    ) -> Result<(), Refused> {
        match element {
            TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => brackets(tag, place),
            TemplateElement::HelperBlock(block) => {
                brackets(block, place)?;
                let inside = Around { blocks: around.blocks + 1, ..around };
                let is_loop = block.name.as_name() == Some("each");
                let looped = Around { loops: around.loops + usize::from(is_loop), ..inside };
                block.template.iter().try_for_each(|then| self.measure(then, place, looped))?;
                block.inverse.iter().try_for_each(|otherwise| self.measure(otherwise, place, inside))
            }
            TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                self.call(call, place, around)
            }
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                let why = "a partial cannot be written inside another file; give it a file of its own";
                Err((place, why.into()))
            }
            _ => Ok(()),
        }
    }

    fn call(
        &mut self,
        call: &DecoratorTemplate,
        place: (usize, usize),
        around: Around,
    ) -> Result<(), Refused> {
        let refused = |why: &str| Err((place, why.to_string()));
        let Some(name) = call.name.as_name() else {
            return refused("which partial is called must be written out");
        };
        if call.params.iter().chain(call.hash.values()).any(|param| depth(param) > BRACKETS_DEEP_MAX) {
            return refused("brackets stand in brackets too deep");
        }
        if name.starts_with('@') {
            self.slots += 1;
            if self.slots > 1 || around.loops > 0 {
                return refused("`@partial-block` can stand in a file once, and in no loop");
            }
        } else {
            self.calls.push(Call { name: name.to_string(), loops: around.loops, deep: around.blocks });
        }
        let Some(inner) = &call.template else { return Ok(()) };
        if around.calls >= PARTIAL_BLOCKS_DEEP_MAX {
            return refused("`{{#> …}}` stands in others too deep");
        }
        let inside = Around { blocks: around.blocks + 1, calls: around.calls + 1, ..around };
        self.measure(inner, place, inside)
    }
}

/// Each element with its line and column, from 1. What `{{else if …}}` makes has none of its own, but that of its block.
pub(super) fn placed(
    template: &Template,
    block: (usize, usize),
) -> impl Iterator<Item = (&TemplateElement, (usize, usize))> {
    let places =
        template.mapping.iter().map(|mapping| (mapping.0, mapping.1)).chain(std::iter::repeat(block));
    template.elements.iter().zip(places)
}

fn brackets(tag: &HelperTemplate, place: (usize, usize)) -> Result<(), Refused> {
    let params = std::iter::once(&tag.name).chain(&tag.params).chain(tag.hash.values());
    match params.map(depth).max().unwrap_or_default() > BRACKETS_DEEP_MAX {
        true => Err((place, "brackets stand in brackets too deep".into())),
        false => Ok(()),
    }
}

/// How deep brackets stand in each other.
fn depth(param: &Parameter) -> usize {
    let Parameter::Subexpression(inner) = param else { return 0 };
    let TemplateElement::Expression(tag) = inner.as_element() else { return 1 };
    let params = std::iter::once(&tag.name).chain(&tag.params).chain(tag.hash.values());
    1 + params.map(depth).max().unwrap_or_default()
}

type Sources<'f> = BTreeMap<&'f str, (&'f SourceFile, Outline)>;

/// The partials that a template calls by name, as far as that can be told from its text.
pub(super) fn calls(text: &str) -> Vec<String> {
    let block = |tag: &'_ str| tag.trim_start_matches('#').trim_start().to_string();
    tags(text).filter_map(|(_, tag)| block(tag).strip_prefix('>').map(word)).collect()
}

/// What is wrong with how blocks begin and end, with where.
pub(super) enum Unpaired {
    /// The innermost block that nothing closes: `if`, or `> mail/parts/top`.
    Open(usize, String),
    /// An end without a beginning.
    Close(usize, String),
}

/// The first such thing; nothing if all blocks are in pairs.
pub(super) fn unpaired(text: &str) -> Option<Unpaired> {
    let mut open = Vec::new();
    for (at, tag) in tags(text) {
        if let Some(block) = tag.strip_prefix('#') {
            let block = block.trim_start();
            let name =
                block.strip_prefix('>').map_or_else(|| word(block), |call| format!("> {}", word(call)));
            open.push((at, name));
        } else if let Some(name) = tag.strip_prefix('/')
            && open.pop().is_none()
        {
            return Some(Unpaired::Close(at, word(name)));
        }
    }
    open.pop().map(|(at, name)| Unpaired::Open(at, name))
}

/// What stands between braces, comments left out, with where.
fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + text[from..].find("{{")?;
            let inside = &text[at + 2..];
            let before = &text[from..at];
            if before.ends_with('\\') && !before.ends_with("\\\\") {
                // `\{{` is text, and with it two braces more; two backslashes are text by themselves.
                from = at + if inside.starts_with("{{") { 4 } else { 2 };
                continue;
            }
            if let Some(comment) = inside.strip_prefix('!') {
                // As Handlebars has it: with dashes it ends with dashes, if there are any; else at the first braces.
                let dashes = comment.strip_prefix("--").and_then(|words| words.find("--}}"));
                let end = dashes.map(|length| length + 6).or_else(|| Some(comment.find("}}")? + 2));
                from = at + 3 + end.unwrap_or(comment.len());
                continue;
            }
            let end = inside.find("}}").unwrap_or(inside.len());
            from = at + 2 + end;
            return Some((at, inside[..end].trim_matches(['{', '~', ' ', '\n', '\t', '&'])));
        }
    })
}

fn word(text: &str) -> String {
    let word: String = text.trim_start().chars().take_while(|c| !c.is_whitespace() && *c != '~').collect();
    word.trim_matches(['"', '\'']).to_string()
}

fn cycle<'f>(sources: &Sources<'f>) -> Option<(&'f SourceFile, Vec<String>)> {
    let mut closed = Vec::new();
    for (name, (file, _)) in sources {
        let mut path = vec![(*name).to_string()];
        if leads_back(name, sources, &mut path, &mut closed) {
            return Some((file, path));
        }
    }
    None
}

fn leads_back(name: &str, sources: &Sources<'_>, path: &mut Vec<String>, closed: &mut Vec<String>) -> bool {
    for Call { name: next, .. } in sources.get(name).into_iter().flat_map(|(_, outline)| &outline.calls) {
        if path.contains(next) {
            path.push(next.clone());
            return true;
        }
        if !closed.contains(next) {
            path.push(next.clone());
            if leads_back(next, sources, path, closed) {
                return true;
            }
            path.pop();
        }
    }
    closed.push(name.to_string());
    false
}

/// A template with its partials, as if they stood where they are called.
#[derive(Clone, Copy, Default)]
struct Whole {
    loops: usize,
    deep: usize,
    /// How often partials are called; one in a loop counts often.
    calls: usize,
}

/// There is no cycle.
fn whole<'s>(name: &'s str, sources: &'s Sources<'_>, known: &mut BTreeMap<&'s str, Whole>) -> Whole {
    if let Some(known) = known.get(name) {
        return *known;
    }
    let Some((_, outline)) = sources.get(name) else { return Whole::default() };
    let mut sum = Whole { loops: outline.loops, deep: outline.deep, calls: 0 };
    for call in &outline.calls {
        let called = whole(&call.name, sources, known);
        let times = TIMES_ROUND.saturating_pow(u32::try_from(call.loops).unwrap_or(u32::MAX));
        sum.loops = sum.loops.max(call.loops + called.loops);
        sum.deep = sum.deep.max(call.deep + 1 + called.deep);
        sum.calls = sum.calls.saturating_add(times.saturating_mul(called.calls.saturating_add(1)));
    }
    known.insert(name, sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(files: &[(&str, &str)]) -> Vec<String> {
        let problems = Problems::default();
        let files = files.iter().map(|(name, text)| {
            let file = SourceFile { path: format!("templates/{name}.hbs"), text: (*text).into() };
            (*name, file, Template::compile(text).unwrap())
        });
        let files: Vec<(&str, SourceFile, Template)> = files.collect();
        let listed: Vec<(&SourceFile, &str, &Template)> =
            files.iter().map(|(name, file, template)| (file, *name, template)).collect();
        let hold = check(&listed, &problems);
        let said: Vec<String> = problems.into_vec().iter().map(ToString::to_string).collect();
        assert_eq!(hold, said.is_empty());
        said
    }

    #[test]
    fn what_is_only_text_is_no_call() {
        assert_eq!(
            said(&[("a", "\\{{> a}} \\{{{{> a}} {{!-- {{> a}} }} --}}{{!--}} {{> a}} --}}")]),
            [""; 0]
        );
    }

    #[test]
    fn ordinary_templates_hold() {
        let inner = "{{!-- {{#each}} in a comment --}}{{#each tags}}{{name}}{{/each}}";
        let outer = "{{#each articles}}{{> parts/inner}}{{else}}x{{/each}}{{#if (eq (lookup a b) 1)}}{{/if}}";
        assert_eq!(said(&[("parts/inner", inner), ("outer", outer)]), [""; 0]);
    }

    #[test]
    fn what_would_never_end_is_refused_with_its_place() {
        let deep = format!("x\n{}x{}", "{{#if a}}".repeat(100), "{{/if}}".repeat(100));
        let brackets = format!("{{{{x {}{}}}}}", "(a ".repeat(100), ")".repeat(100));
        let each = |deep: usize| "{{#each a}}".repeat(deep) + &"{{/each}}".repeat(deep);
        let chain = format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(100));
        for (files, wanted) in [
            (vec![("a", "{{> b}}"), ("b", "{{> c}}"), ("c", "{{> a}}")], "include each other"),
            (vec![("a", "{{> a}}")], "include each other"),
            (vec![("a", deep.as_str())], "templates/a.hbs:2:"),
            (vec![("a", brackets.as_str())], "brackets stand in brackets"),
            (vec![("a", "{{> (lookup this \"x\")}}")], "must be written out"),
            (vec![("a", "{{#*inline \"x\"}}{{> x}}{{/inline}}")], "a file of its own"),
            (
                vec![("a", "{{! سرصفحه }}{{> b}}"), ("b", "{{!a}}{{!}}{{!— x}}{{!--y--}}{{# > a}}{{/a}}")],
                "include each other",
            ),
            (vec![("a", "\\{{!-- {{> a}} --}}")], "include each other"),
            (vec![("a", "\\\\{{> a}}")], "include each other"),
            (vec![("a", "{{!-- }}{{> a}} --~}}")], "include each other"),
            (vec![("a", chain.as_str())], "blocks stand in blocks"),
            (vec![("a", "{{> @partial-block}}{{> @partial-block}}")], "`@partial-block`"),
            (
                vec![("a", "{{#> b}}{{#> b}}{{#> b}}{{/b}}{{/b}}{{/b}}"), ("b", "x")],
                "stands in others too deep",
            ),
            (
                vec![(
                    "a",
                    "{{#each a}}{{#each a}}{{#if x}}{{else each b}}{{#each c}}{{/each}}{{/if}}{{/each}}{{/each}}",
                )],
                "loops stand in loops",
            ),
            (vec![("a", &each(4))], "loops stand in loops"),
            (
                vec![("a", "{{#each a}}{{#each b}}{{> b}}{{/each}}{{/each}}"), ("b", &each(2))],
                "loops stand in loops",
            ),
        ] {
            let said = said(&files);
            assert!(said.iter().any(|said| said.contains(wanted)), "{files:?}: {said:?}");
        }
    }

    #[test]
    fn parts_that_call_each_other_without_end_in_sight_are_refused_at_once() {
        let doubled = |index: usize| format!("{{{{> p{0}}}}}{{{{> p{0}}}}}", index + 1);
        let single = |index: usize| format!("{{{{> p{}}}}}", index + 1);
        for (count, text, wanted) in [
            (40, &doubled as &dyn Fn(usize) -> String, "so often"),
            (500, &single, "in each other more than 64 deep"),
        ] {
            let files: Vec<(String, String)> =
                (0..count).map(|index| (format!("p{index}"), text(index))).collect();
            let mut files: Vec<(&str, &str)> =
                files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            let last = format!("p{count}");
            files.push((&last, "x"));
            let said = said(&files);
            assert!(said.iter().any(|said| said.contains(wanted)), "{said:?}");
        }
    }
}
