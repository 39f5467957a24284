//! What helps, for a model: the tool that does it where there is one. A model has no command line, so of any other command
//! it is said that the user has to run it.

use serde_json::json;

use super::names;

/// What is said of commands that no tool stands for.
const FOR_THE_USER: &str = " (only the user can run commands)";

/// A hint or a notice in which every command is replaced by the tool that does the same.
pub(super) fn for_a_model(words: &str) -> String {
    let mut is_for_the_user = false;
    let mut told: Vec<String> = Vec::new();
    for (place, part) in words.split('`').enumerate() {
        let command = part.strip_prefix("atocore ").filter(|_| place % 2 == 1);
        told.push(match command.map(tool) {
            Some(Some(tool)) => tool,
            Some(None) => {
                is_for_the_user = true;
                part.to_owned()
            }
            None => part.to_owned(),
        });
    }
    let mut told = told.join("`");
    if is_for_the_user {
        told.push_str(FOR_THE_USER);
    }
    told
}

/// The tool that does what a command does, with its arguments, as it stands between two marks of code.
fn tool(command: &str) -> Option<String> {
    let with = |name: &str, key: &str, value: &str| {
        // A word in capitals stands for a name that the reader knows.
        let is_placeholder = value.chars().all(|c| c.is_ascii_uppercase());
        if is_placeholder { name.to_owned() } else { format!("{name}` with `{}", json!({ key: value })) }
    };
    let words: Vec<&str> = command.split(' ').collect();
    Some(match words[..] {
        ["project", "list"] | ["project", "show", _] => names::PROJECTS.to_owned(),
        ["status"] => names::STATUS.to_owned(),
        ["refresh", "--all"] => format!("{}` of each project of `{}", names::REFRESH, names::PROJECTS),
        ["refresh", project] => with(names::REFRESH, "project", project),
        ["memory", "list"] | ["memory", "show", _] => names::LIST_MEMORIES.to_owned(),
        ["state", "list", project] | ["state", "list", project, "--all"] => {
            with(names::STATE, "project", project)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_becomes_the_tool_that_does_it_or_is_left_to_the_user() {
        for (hint, told) in [
            ("ask again", "ask again"),
            ("name a folder: `docs/**`", "name a folder: `docs/**`"),
            ("did you mean `a`? `atocore project list` shows", "did you mean `a`? `atocore_projects` shows"),
            (
                "`atocore refresh my-notes` reads it",
                "`atocore_refresh` with `{\"project\":\"my-notes\"}` reads it",
            ),
            ("`atocore refresh ID` reads it", "`atocore_refresh` reads it"),
            ("`atocore refresh --all`", "`atocore_refresh` of each project of `atocore_projects`"),
            ("`atocore model fetch`", "`atocore model fetch` (only the user can run commands)"),
            (
                "`atocore status` shows it; `atocore doctor` too; `atocore backup list` also",
                "`atocore_status` shows it; `atocore doctor` too; `atocore backup list` also (only the user can run commands)",
            ),
            (
                "`atocore state list PROJECT --all`, `atocore memory list`",
                "`atocore_project_state`, `atocore_memory_list`",
            ),
        ] {
            assert_eq!(for_a_model(hint), told);
        }
    }
}
