//! What templates are refused, and what an author is told of it.

use super::*;

fn compile(path: &str, text: &str) -> Result<Templates, Vec<Diagnostic>> {
    let file = SourceFile { path: path.into(), text: text.into() };
    Templates::compile(&[file], &["en".parse().unwrap(), "fa".parse().unwrap()])
}

#[test]
fn the_built_in_templates_hold_in_both_languages() {
    let built_in = Templates::compile(&[], &["en".parse().unwrap(), "fa".parse().unwrap()]);
    if let Err(problems) = built_in {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn a_wrong_name_is_found_before_anything_is_rendered_for_readers() {
    let problems = compile("templates/page/missing.hbs", "<p>{{site.tilte}}</p>\n").err().unwrap();
    let shown = problems[0].to_string();
    assert!(shown.contains("templates/page/missing.hbs:1:11"), "{shown}");
    assert!(shown.contains("did you mean `title`?"), "{shown}");
}

#[test]
fn an_open_tag_is_shown_where_it_stands() {
    let problems = compile("templates/page/gone.hbs", "<p>\n{{#if site.title}}x\n").err().unwrap();
    let shown = problems[0].to_string();
    assert!(shown.contains("`{{#if …}}` is never closed"), "{shown}");
    assert!(shown.contains("templates/page/gone.hbs:2:1"), "{shown}");
    for (text, wanted) in [
        ("<p>{{site.title}</p>", "cannot be read"),
        ("<p>{{/if}}</p>", "`{{/if}}` closes nothing"),
        ("{{#if site}}{{#each feeds}}x{{/each}}", "`{{#if …}}` is never closed"),
        ("{{#each articles}}x{{/if}}", "`{{#each …}}` is open here, and `{{/if}}` closes something else"),
    ] {
        let problems = compile("templates/page/gone.hbs", text).err().unwrap();
        assert!(problems[0].to_string().contains(wanted), "{}", problems[0]);
    }
}

#[test]
fn partials_that_include_each_other_are_refused() {
    let problems = Templates::compile(
        &[
            SourceFile { path: "templates/page/gone.hbs".into(), text: "{{> page/missing}}".into() },
            SourceFile { path: "templates/page/missing.hbs".into(), text: "{{> page/gone}}".into() },
        ],
        &["en".parse().unwrap()],
    );
    assert!(problems.err().unwrap()[0].to_string().contains("include each other"));
}

/// What a reading of braces other than that of Handlebars would miss, and the stack would not.
#[test]
fn no_circle_and_no_depth_hides_behind_text() {
    let languages = ["en".parse().unwrap()];
    for hidden in [
        "\\{{!-- {{> page/OTHER}} --}}",
        "{{!-- }}{{> page/OTHER}} --~}}",
        "{{#if (eq language \"}}{{!--\")}}x{{/if}}{{> page/OTHER}}--}}",
        "{{{{raw}}}}{{!--{{{{/raw}}}}{{> page/OTHER}}--}}",
    ] {
        let file = |name: &str, other: &str| SourceFile {
            path: format!("templates/page/{name}.hbs"),
            text: hidden.replace("OTHER", other),
        };
        let files = [file("gone", "missing"), file("missing", "gone")];
        let problems = Templates::compile(&files, &languages).err().unwrap();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains("include each other")), "{hidden}: {said:?}");
    }
    let nested = |opening: &str, count: usize| opening.repeat(count) + "x" + &"{{/if}}".repeat(count);
    let chained = |other: &str, count: usize| format!("{{{{#if a}}}}{}{{{{/if}}}}", other.repeat(count));
    let brackets = |count: usize| format!("{{{{x {}{}}}}}", "(a ".repeat(count), ")".repeat(count));
    for (text, wanted) in [
        (nested("{{#if site}}", 40), "blocks stand in blocks"),
        (nested("{{#if site}}", 490), "blocks stand in blocks"),
        ("\\{{!-- ".to_string() + &nested("{{#if site}}", 490), "blocks stand in blocks"),
        (nested("{{#if site}}", 3_000), "more than a file may have"),
        (chained("{{else if site}}", 40), "blocks stand in blocks"),
        (chained("{{else\nif site}}", 990), "blocks stand in blocks"),
        (chained("{{elseif site}}", 3_000), "more than a file may have"),
        (brackets(20), "brackets stand in brackets"),
        (brackets(990), "brackets stand in brackets"),
        (brackets(100_000), "more than a file may have"),
        ("{{page.title}}".repeat(14_000), "more than a file may have"),
    ] {
        let problems = compile("templates/page/gone.hbs", &text).err().unwrap();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains(wanted)), "{wanted}: {}", said[0]);
    }
}

#[test]
fn a_slip_in_a_later_branch_of_a_chain_is_found() {
    let text = "{{#if site}}x{{else if page}}y{{else if page.nope}}{{site.nope}}{{/if}}";
    let problems = compile("templates/page/gone.hbs", text).err().unwrap();
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|said| said.contains("`page.nope`")), "{said:?}");
    assert!(said.iter().any(|said| said.contains("`site.nope`")), "{said:?}");
}

#[test]
fn a_file_of_a_languages_own_stands_in_the_place_of_the_plain_one_also_when_called() {
    let languages = ["en".parse().unwrap(), "fa".parse().unwrap()];
    let own =
        [SourceFile { path: "templates/page/layout.fa.hbs".into(), text: "own{{> @partial-block}}".into() }];
    let templates = Templates::compile(&own, &languages).unwrap_or_else(|problems| panic!("{problems:?}"));
    let page = |language: &Language| {
        let words = templates.strings(language);
        let sample = context::sample_page(Page::Missing, language, words, context::Sample::Rich);
        templates.page(Page::Missing, language, &sample).unwrap()
    };
    assert!(page(&languages[1]).starts_with("own") && !page(&languages[0]).starts_with("own"));
}

#[test]
fn a_letter_that_nobody_can_leave_is_refused() {
    for (path, variable) in [
        ("templates/mail/digest/text.hbs", "`{{reader.unsubscribe_url}}`"),
        ("templates/mail/welcome/html.hbs", "`{{reader.unsubscribe_url}}`"),
        ("templates/mail/confirm/text.hbs", "`{{reader.confirm_url}}`"),
    ] {
        let problems = compile(path, "Hello").err().unwrap();
        assert!(problems[0].to_string().contains(path) && problems[0].to_string().contains(variable));
    }
}

#[test]
fn a_name_that_is_somewhere_else_is_shown_with_its_way() {
    for (text, hint) in [
        ("{{greeting}}", "it is `reader.greeting`"),
        ("{{#each articles}}{{site.title}}{{/each}}", "`@root.site.title`"),
        ("{{cadences}}", "did you mean `cadence`?"),
        ("{{tags}}", "each of `articles` has a `tags`"),
        ("{{t.letter.allso}}", "did you mean `also`?"),
        ("{{t.letter.nothing_at_all_like_it}}", "in each file of i18n/"),
        ("{{letter.frist}}", "did you mean `first`?"),
        ("{{> mail/parts/text_foott}}", "did you mean `mail/parts/text_foot`?"),
        ("{{> mail/parts/foot leave=true}}", "one whose name begins with `text`"),
        ("{{plurall 1 t.letter.pieces}}", "did you mean `plural`?"),
    ] {
        let problems = compile("templates/mail/digest/text.hbs", text).err().unwrap();
        assert!(problems.iter().any(|problem| problem.to_string().contains(hint)), "{text}: {problems:?}");
    }
}

#[test]
fn a_wrong_name_is_found_where_no_sample_comes() {
    for (path, text, wanted) in [
        ("page/gone", "{{#if site.nope}}x{{/if}}", "nothing here is called `site.nope`"),
        ("page/gone", "{{#unless nope}}x{{/unless}}", "nothing here is called `nope`"),
        ("page/gone", "{{#if (eq language \"xx\")}}{{site.nope}}{{/if}}", "`site.nope`"),
        ("page/gone", "{{#if (eq language \"xx\")}}{{nope site}}{{/if}}", "there is no helper `nope`"),
        ("page/gone", "{{#if (eq language \"xx\")}}{{> nope}}{{/if}}", "there is no part `nope`"),
        ("page/gone", "{{#> page/layuot}}x{{/page/layuot}}", "did you mean `page/layout`?"),
        ("page/gone", "{{action}}", "`page/gone` is given no `action`"),
        ("page/list", "{{#each articles}}{{#if site.title}}x{{/if}}{{/each}}", "`@root.site.title`"),
        ("page/article", "{{#each article.tags as |tag|}}{{tag.nope}}{{/each}}", "`tag.nope`"),
        ("page/article", "{{#with (lookup article.tags 0)}}{{nope}}{{/with}}", "`nope`"),
        ("page/article", "{{article.translation.title}}", "inside `{{#if article.translation}}…{{/if}}`"),
        ("page/list", "{{link site.nope \"x\"}}", "nothing here is called `site.nope`"),
        (
            "mail/digest/html",
            "{{> mail/parts/button address=letter.nope label=t.letter.read_on}}",
            "nothing here is called `letter.nope`",
        ),
        (
            "mail/digest/html",
            "{{> mail/parts/button address=letter.site_url label=t.letter.nope}}",
            "nothing here is called `t.letter.nope`",
        ),
        ("mail/digest/html", "{{article.title}}", "inside `{{#if article}}…{{/if}}`"),
        ("mail/digest/html", "{{#if letter.special}}{{letter.nope}}{{/if}}", "`letter.nope`"),
        ("page/list", "{{articles}}", "`articles` is not words"),
        ("page/gone", "{{site}}", "`site` is not words"),
        ("mail/digest/text", "{{t.letter.pieces}}", "`t.letter.pieces` is not words"),
        ("page/list", "{{#each articles}}{{t.page.by}}{{/each}}", "write `@root.t.page.by`"),
        ("page/gone", "{{@index}}", "`@index`"),
        ("page/list", "{{#each articles}}{{@key}}{{/each}}", "`@key`"),
        ("page/list", "{{#each articles x=site.nope}}{{title}}{{/each}}", "`site.nope`"),
        ("page/gone", "{{#if article.nope}}x{{/if}}", "`article.nope`"),
        ("mail/confirm/text", "{{reader.name}} {{reader.confirm_url}}", "is given no `reader.name`"),
    ] {
        let problems = compile(&format!("templates/{path}.hbs"), text).err().unwrap_or_default();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains(wanted)), "{text}: {said:?}");
    }
}

#[test]
fn what_is_there_for_some_pages_alone_can_be_asked_for_on_all() {
    for (path, text) in [
        ("page/gone", "{{#if article}}{{article.title}}{{else if feed.rss}}{{feed.nope}}{{/if}}"),
        ("page/gone", "{{#if leave}}{{leave}}{{/if}}"),
        (
            "mail/parts/text_name",
            "{{#if reader.greeting}}{{reader.greeting}}{{else}}{{newsletter.name}}{{/if}}",
        ),
        ("page/list", "{{#each articles}}{{#each tags}}{{@../index}} {{@first}}{{/each}}{{/each}}"),
        ("page/list", "{{#each articles}}{{@index}} {{../page.title}} {{this.title}}{{/each}}"),
        ("page/list", "{{#with articles.[0] as |first|}}{{#each tags}}{{first.title}}{{/each}}{{/with}}"),
        ("page/article", "{{#each article.originals}}{{this}}{{/each}}{{#each site}}{{@key}}{{/each}}"),
    ] {
        let compiled = compile(&format!("templates/{path}.hbs"), text);
        assert!(compiled.is_ok(), "{text}: {:?}", compiled.err());
    }
}

#[test]
fn a_slip_in_braces_and_empty_words_are_errors() {
    let fa = include_str!("../../i18n/fa.toml");
    let slip = compile("i18n/fa.toml", &fa.replacen("{name}", "{nmae}", 1)).err().unwrap();
    assert!(slip[0].to_string().contains("nothing fills `{nmae}`"), "{}", slip[0]);
    let empty = fa.replacen("unsubscribe = \"لغو اشتراک\"", "unsubscribe = \"\"", 1);
    let empty = compile("i18n/fa.toml", &empty).err().unwrap();
    assert!(empty[0].to_string().contains("`letter.unsubscribe` is missing"), "{}", empty[0]);
}

#[test]
fn a_language_without_words_is_an_error() {
    let problems = compile("i18n/fa.toml", "[page]\nskip = \"x\"\n").err().unwrap();
    assert!(problems.iter().any(|problem| problem.message().contains("`letter.greeting` is missing")));
}
