"""Completions for shells, of a program in help_table's form. A program has options, or subcommands with options of their own."""


def quoted(text):
    """For all three shells within single quotes."""
    return text.replace("\\", "\\\\").replace("'", "'\\''")


def all_names(options):
    return [name for option in options for name in option.names]


def bash(program):
    """One function: what stands before the cursor says whether a value or an option is wanted. Bash itself completes names of
    files where the function finds nothing."""
    name = program.words[0]
    function = "_" + name.replace("-", "_")
    lines = [f"# bash completion for {name}, made from its --help.",
             f"{function}() {{",
             "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}",
             "  # --option=value comes as three words.",
             "  if [[ $cur == = ]]; then",
             "    cur=",
             "  elif [[ $prev == = ]]; then",
             "    prev=${COMP_WORDS[COMP_CWORD - 2]}",
             "  fi"]
    if program.subcommands:
        lines += ["  local word",
                  '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
                  "    case $word in"]
        for command in program.subcommands:
            lines += [f"      {command.words[-1]})", *_bash_table(command.options, "        "), "        return", "        ;;"]
        lines += ["    esac", "  done"]
    lines += _bash_table(program.options, "  ")
    if program.subcommands:
        words = " ".join(one.words[-1] for one in program.subcommands)
        lines += ["  compopt +o default", f"  [[ $cur == -* ]] || COMPREPLY=($(compgen -W '{words}' -- \"$cur\"))"]
    lines += ["}", f"complete -o default -F {function} {name}", ""]
    return "\n".join(lines)


def _bash_table(options, indent):
    """Completes a value and returns, or completes an option."""
    by_kind = {}
    lines = ["case $prev in"]
    for option in options:
        if option.takes == "choices":
            words = " ".join(option.choices)
            lines.append(f"  {'|'.join(option.names)}) COMPREPLY=($(compgen -W '{words}' -- \"$cur\")); return ;;")
        elif option.value:
            by_kind.setdefault(option.takes, []).extend(option.names)
    for kind, action in [("files", "return"), ("directories", "compopt -o dirnames +o default; return"),
                         ("nothing", "compopt +o default; return")]:
        if kind in by_kind:
            lines.append(f"  {'|'.join(by_kind[kind])}) {action} ;;")
    lines += ["esac", f"[[ $cur != -* ]] || COMPREPLY=($(compgen -W '{' '.join(all_names(options))}' -- \"$cur\"))"]
    return [indent + line for line in lines]


def zsh(program):
    """_arguments does it all; a program with subcommands has one call for each."""
    name = program.words[0]
    lines = [f"#compdef {name}", "# Made from the program's --help.", ""]
    if not program.subcommands:
        return "\n".join([*lines, *_zsh_arguments(program.options, []), ""])
    lines += ["local context state state_descr line", "typeset -A opt_args", "",
              *_zsh_arguments(program.options, ["'1:command:->command'", "'*::argument:->argument'"], returns=False), "",
              "case $state in", "  command)", "    local -a commands=("]
    lines += [f"      '{one.words[-1]}:{_zsh_text(one.about)}'" for one in program.subcommands]
    lines += ["    )", "    _describe command commands", "    ;;", "  argument)", "    case $line[1] in"]
    for command in program.subcommands:
        lines.append(f"      {command.words[-1]})")
        lines += ["        " + line for line in _zsh_arguments(command.options, ["'*:file:_files'"])]
        lines.append("        ;;")
    lines += ["    esac", "    ;;", "esac", ""]
    return "\n".join(lines)


def _zsh_text(text):
    return quoted(text).replace(":", "\\:").replace("[", "\\[").replace("]", "\\]")


def _zsh_arguments(options, rest, returns=True):
    specs = []
    for option in options:
        value = ""
        if option.value:
            action = {"choices": f"({' '.join(option.choices)})", "directories": "_files -/", "files": "_files",
                      "nothing": " "}[option.takes]
            value = f":{_zsh_text(option.value)}:{action}"
        for name in option.names:
            # The form --option=value is for long names.
            often = "*" if "several times" in option.help else ""
            specs.append(f"'{often}{name}{'=' if value and name.startswith('--') else ''}[{_zsh_text(option.help)}]{value}'")
    return ["_arguments" + (" -C" if not returns else "") + " \\", *(f"  {spec} \\" for spec in [*specs, *rest][:-1]),
            f"  {[*specs, *rest][-1]}"]


def fish(program):
    """A line for each option."""
    name = program.words[0]
    lines = [f"# fish completion for {name}, made from its --help."]
    if not program.subcommands:
        lines.append(f"complete -c {name} -f")
        return "\n".join([*lines, *_fish_options(name, program.options, ""), ""])
    lines.append(f"complete -c {name} -n __fish_use_subcommand -f")
    lines += _fish_options(name, program.options, "-n __fish_use_subcommand ")
    for command in program.subcommands:
        word = command.words[-1]
        lines.append(f"complete -c {name} -n __fish_use_subcommand -a {word} -d '{quoted(command.about)}'")
        lines += _fish_options(name, command.options, f"-n '__fish_seen_subcommand_from {word}' ")
    return "\n".join([*lines, ""])


def _fish_options(name, options, condition):
    lines = []
    for option in options:
        names = " ".join(f"-l {one[2:]}" if one.startswith("--") else f"-s {one[1:]}" for one in option.names)
        value = ""
        if option.value:
            value = {"choices": f" -x -a '{' '.join(option.choices)}'", "directories": " -x -a '(__fish_complete_directories)'",
                     "files": " -r -F", "nothing": " -x"}[option.takes]
        lines.append(f"complete -c {name} {condition}{names}{value} -d '{quoted(option.help)}'")
    return lines
