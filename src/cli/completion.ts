/** Shell completion, made from the commands themselves so that it can never fall behind them. */
import type { Command } from 'commander';
import { misused } from '../core/failure';

interface Known {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
  /** What the first argument may be, where that is one of a few words. */
  readonly words: readonly string[];
}

/** A completion script for `bash`, `zsh` or `fish`. */
export function completionScript(shell: string, program: Command): string {
  const commands: Known[] = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary().replaceAll("'", '’'),
    options: command.options
      .filter((option) => !option.hidden)
      .flatMap((option) => (option.long == null ? [] : [option.long])),
    words: command.registeredArguments[0]?.argChoices ?? [],
  }));
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return `#compdef slipway\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
    case 'fish':
      return fish(commands);
    default:
      return misused('usage/shell', `No completion for «${shell}».`, 'Name bash, zsh or fish.');
  }
}

function bash(commands: readonly Known[]): string {
  const cases = commands
    .map(({ name, options, words }) => {
      const first = words.length === 0 ? '' : ` first="${words.join(' ')}"`;
      return `    ${name}) words="${options.join(' ')}"${first} ;;`;
    })
    .join('\n');
  return `_slipway() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="" first=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} help" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [ "$COMP_CWORD" -eq 2 ] && [ -n "$first" ]; then COMPREPLY=($(compgen -W "$first" -- "$current"))
  else COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _slipway slipway`;
}

function fish(commands: readonly Known[]): string {
  const lines = ['complete -c slipway -n __fish_use_subcommand -f'];
  for (const { name, summary, options, words } of commands) {
    lines.push(`complete -c slipway -n __fish_use_subcommand -a ${name} -d '${summary}'`);
    if (words.length > 0)
      lines.push(`complete -c slipway -n '__fish_seen_subcommand_from ${name}' -a '${words.join(' ')}'`);
    for (const option of options) {
      lines.push(`complete -c slipway -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`);
    }
  }
  return lines.join('\n');
}
