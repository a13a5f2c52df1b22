#!/usr/bin/env node
/**
 * The command line: the same engine as the window, headless.
 *
 * This file only knows names, options and help. What a command does lies in `commands/<name>.ts` and is loaded when
 * it is run, so that `--help` and a quick `read` never pay for the MySQL driver.
 */
import { Command, CommanderError, Option } from 'commander';
import { version } from '../../package.json';
import { FailureError } from '../core/failure';
import { EXIT, exitCodeOf } from './exit-code';
import { batchSize, collectCodes } from './input';
import { guardOutput, tell, tellFailure } from './terminal';

type Action = (...parameters: never[]) => Promise<number>;

/** Adds a command whose code is loaded on use. The action's result is the exit code. */
function lazily(command: Command, load: () => Promise<{ readonly run: Action }>): Command {
  return command.action(async (...parameters: unknown[]) => {
    const { run } = await load();
    process.exitCode = await run(...(parameters as never[]));
  });
}

const SOURCE_HELP = 'micromdm:PATH or micromdm:https://HOST (the server’s own /boltbackup)';

function withJson(command: Command): Command {
  return command
    .option('--json', 'print JSON ("schema": 1) instead of text; errors go to standard error as JSON')
    .addOption(new Option('--at <time>', 'judge as of this instant (RFC 3339) instead of now'));
}

function withSource(command: Command): Command {
  return withJson(command)
    .option('--salvage', 'read on over damage, and from the older meta page if need be')
    .option('--api-key-file <file>', 'API key for micromdm:https://… (or SLIPWAY_API_KEY); - reads standard input')
    .option('--source-ca-file <file>', 'PEM of the CA that signed the source’s TLS certificate')
    .option('--source-pin <sha256>', 'SHA-256 fingerprint of the source’s TLS certificate, instead of a CA')
    .option('--copies <folder>', 'where private copies of sources are kept (or SLIPWAY_COPIES)');
}

function withFleet(command: Command, required: boolean): Command {
  const fleet = new Option('--fleet <url>', 'Fleet’s MySQL: mysql://USER@HOST[:PORT]/DATABASE');
  if (required) fleet.makeOptionMandatory();
  return command
    .addOption(fleet)
    .option(
      '--fleet-password-file <file>',
      'password of that account (or SLIPWAY_FLEET_PASSWORD); - reads standard input',
    )
    .option('--fleet-ca-file <file>', 'PEM of the CA that signed MySQL’s TLS certificate')
    .addOption(
      new Option('--fleet-tls <mode>', 'TLS to MySQL; the default is verify-identity, on loopback disabled').choices([
        'verify-identity',
        'verify-ca',
        'disabled',
      ]),
    )
    .option('--allow-plaintext', 'really connect without TLS to another machine')
    .addOption(new Option('--allow-mariadb').hideHelp())
    .option('--fleet-url <url>', 'Fleet’s own HTTPS address, to ask which SCEP CA and push certificate it serves')
    .option('--fleet-url-ca-file <file>', 'PEM of the CA that signed Fleet’s TLS certificate')
    .option('--fleet-token-file <file>', 'API token for Fleet (or SLIPWAY_FLEET_TOKEN)')
    .option(
      '--private-key-file <file>',
      'Fleet’s server private key (or SLIPWAY_PRIVATE_KEY), to look into its assets',
    );
}

function withAccept(command: Command): Command {
  return command
    .option(
      '--accept <codes>',
      'acknowledge cautions and overridable checks by code, separated by commas',
      collectCodes,
    )
    .option('--reason <text>', 'why they were acknowledged; goes into the journal');
}

const program = new Command('slipway')
  .description('Move Apple devices from a self-hosted MDM to Fleet without re-enrolment.')
  .version(version, '-V, --version')
  .helpCommand('help [command]', 'show help for a command')
  .addHelpText(
    'after',
    `
One evening, in order:
  $ slipway read micromdm:/var/db/micromdm/micromdm.db
  $ slipway check micromdm:micromdm.db --fleet mysql://slipway@db.example.com/fleet --fleet-url https://fleet.example.com
  $ slipway plan micromdm:micromdm.db --fleet mysql://slipway@db.example.com/fleet --out plan.json
  $ slipway apply plan.json --fleet mysql://slipway@db.example.com/fleet --rehearse
  $ slipway apply plan.json --fleet mysql://slipway@db.example.com/fleet
  $ slipway verify plan.json --fleet mysql://slipway@db.example.com/fleet

Exit codes: 0 fine · 1 something must be looked at · 2 wrong usage · 3 could not read or reach something`,
  );

lazily(
  withSource(program.command('read').argument('<source>', SOURCE_HELP))
    .summary('read a source and judge every device')
    .description('Read a source, judge every device and show what was found. Nothing is written anywhere.')
    .option('--devices', 'list every device, not only counts')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway read micromdm:/var/db/micromdm/micromdm.db
  $ slipway read micromdm:backup.db --json | jq '.devices[] | select(.verdict == "blocked")'
  $ SLIPWAY_API_KEY=… slipway read micromdm:https://mdm.example.com --source-ca-file ca.pem`,
    ),
  () => import('./commands/read'),
);

lazily(
  withJson(
    program
      .command('inspect')
      .argument('[files...]', 'certificates, keys, requests, bundles, profiles, tokens, databases; or folders'),
  )
    .summary('what key and certificate files are, and which belong together')
    .description('Inspect files and folders, offline: what they are, what belongs together, what is wrong with them.')
    .option('--password-file <file>', 'passwords of encrypted files, one a line; - reads standard input')
    .option('--topic <topic>', 'the APNs topic the devices use; push certificates with another one are errors')
    .option('--csv', 'print CSV')
    .option('--compare <items...>', 'compare two items: files, numbers as printed, or fingerprints')
    .option('--export <item>', 'write one item (a number as printed, a fingerprint or a file)')
    .addOption(new Option('--format <format>', 'of the exported item').choices(['pem', 'der', 'pkcs12']).default('pem'))
    .option('--out <file>', 'where to export to (0600; never overwrites)')
    .option('--export-password-file <file>', 'password of the PKCS#12 to write (or SLIPWAY_EXPORT_PASSWORD)')
    .option('--with-chain', 'export the issuers at hand as well')
    .option('--legacy', 'PKCS#12 with 3DES and SHA-1, for Keychain before macOS 15 and old Windows')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway inspect push.pem push.key scep-ca.p12 --password-file pw
  $ slipway inspect ./old-server-secrets --json | jq '.items[] | select(.problems != [])'
  $ slipway inspect --compare old-push.pem new-push.pem
  $ slipway inspect scep.p12 --password-file pw --export 1 --out scep-ca.key`,
    ),
  () => import('./commands/inspect'),
);

lazily(
  withSource(program.command('export').argument('<source>', SOURCE_HELP))
    .summary('write the source’s keys, certificates and profiles to files')
    .description(
      'Write SCEP CA, push certificate, Apple Business Manager keys and profiles to files (0600 in a 0700 folder).',
    )
    .requiredOption('--out <folder>', 'folder to write to; it is created')
    .addHelpText('after', '\nExample:\n  $ slipway export micromdm:micromdm.db --out ./old-server-secrets'),
  () => import('./commands/export'),
);

lazily(
  withAccept(withFleet(withSource(program.command('check').argument('<source>', SOURCE_HELP)), false))
    .summary('preflight: everything that must be true before the evening')
    .description('Run the preflight checks; those about Fleet need --fleet, --fleet-url or both.')
    .option('--staging', 'the target is a staging Fleet: it must not hold production’s push topic')
    .option('--backup-by <name>', 'who has taken the backup of Fleet’s database')
    .option('--renewal-set-by <name>', 'who has set Fleet’s renewal switches')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway check micromdm:micromdm.db
  $ slipway check micromdm:micromdm.db --fleet mysql://slipway@127.0.0.1/fleet --fleet-password-file pw --json`,
    ),
  () => import('./commands/check'),
);

lazily(
  withAccept(withSource(program.command('sql').argument('<source>', SOURCE_HELP)))
    .summary('write the rows as a SQL file, without a connection')
    .description('Write a deterministic SQL file for a Fleet of the given version. It holds secrets (0600).')
    .requiredOption('--fleet-version <version>', 'Fleet’s version (4.62, 4.69, 4.93 …) or newest migration id')
    .requiredOption('--out <file>', 'the SQL file to write')
    .option('--undo <file>', 'also write its guarded undo file')
    .option('--team-map <file>', 'CSV `serial,team` or `blueprint,team`; offline, teams are given by id')
    .option('--wave <file>', 'only these devices: one UDID or serial number a line')
    .option('--overwrite', 'replace files that exist')
    .addHelpText(
      'after',
      `
Example:
  $ slipway sql micromdm:micromdm.db --fleet-version 4.69 --out import.sql --undo import-undo.sql
  $ mysql --default-character-set=utf8mb4 --binary-mode fleet < import.sql`,
    ),
  () => import('./commands/sql'),
);

lazily(
  withAccept(withFleet(withSource(program.command('plan').argument('<source>', SOURCE_HELP)), true))
    .summary('compare with the live target and decide, device by device')
    .description('Decide what will be done to each device’s rows. Only reads; the plan holds no secrets.')
    .requiredOption('--out <file>', 'the plan to write (JSON)')
    .option('--sql <file>', 'also write the rows as a SQL file (0600)')
    .option('--team-map <file>', 'CSV `serial,team` or `blueprint,team`; a team is a name or an id of Fleet’s')
    .option('--wave <file>', 'only these devices: one UDID or serial number a line')
    .option(
      '--steps <names>',
      'optional steps: queue (switch off stale queued commands), serials (SCEP serial counter)',
      collectCodes,
    )
    .option('--overwrite', 'replace files that exist')
    .addHelpText(
      'after',
      `
Example:
  $ slipway plan micromdm:micromdm.db --fleet mysql://slipway@127.0.0.1/fleet --out plan.json --accept no-agent --reason "agents follow on Monday"`,
    ),
  () => import('./commands/plan'),
);

lazily(
  withAccept(
    withFleet(withSource(program.command('apply').argument('<plan>', 'a plan written by `slipway plan`')), true),
  )
    .summary('write the planned rows, in transactions, and read them back')
    .description(
      'Write exactly what the plan says. Devices that moved since are held back and shown. Run it again to resume.',
    )
    .option('--rehearse', 'do it all on the real target, verify, and roll every transaction back')
    .option('--source <source>', 'where the source is now, if not where the plan says')
    .option('--journals <folder>', 'folder of the journal (default: beside the plan)')
    .option('--staging', 'the target is a staging Fleet')
    .option('--backup-by <name>', 'who has taken the backup of Fleet’s database')
    .option('--renewal-set-by <name>', 'who has set Fleet’s renewal switches')
    .option('--batch <devices>', 'devices a transaction', batchSize)
    .option('--yes', 'answer the confirmation')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway apply plan.json --fleet mysql://slipway@127.0.0.1/fleet --rehearse --yes
  $ slipway apply plan.json --fleet mysql://slipway@127.0.0.1/fleet --fleet-url https://fleet.example.com --backup-by ann`,
    ),
  () => import('./commands/apply'),
);

lazily(
  withAccept(withFleet(withSource(program.command('verify').argument('<plan-or-source>', 'a plan, or a source')), true))
    .summary('read every row back and compare')
    .description('Read the rows of every device back from Fleet and compare them, column by column.')
    .option('--team-map <file>', 'as given to plan; only when verifying a source')
    .option(
      '--journals <folder>',
      'folder of the journal, for what was accepted when the plan was applied (default: beside the plan)',
    )
    .addHelpText('after', '\nExample:\n  $ slipway verify plan.json --fleet mysql://slipway@127.0.0.1/fleet'),
  () => import('./commands/verify'),
);

lazily(
  withAccept(withFleet(withJson(program.command('undo').argument('<journal>', 'the journal of an apply')), true))
    .summary('take back what an apply inserted and nothing has touched since')
    .description('Delete the rows an apply inserted, device by device, unless Fleet or the device has touched them.')
    .option('--rehearse', 'say what it would do, on the real target, and roll back')
    .option('--only <file>', 'only these devices: one UDID a line')
    .option('--routed <file>', 'devices whose route points to Fleet already (one UDID a line): refused')
    .option('--yes', 'answer the confirmation')
    .addHelpText(
      'after',
      '\nExample:\n  $ slipway undo 3f9c….journal.jsonl --fleet mysql://slipway@127.0.0.1/fleet --rehearse --yes',
    ),
  () => import('./commands/undo'),
);

lazily(
  withJson(program.command('copies'))
    .summary('list or delete the private copies of sources')
    .description('Plans are applied from private copies of their sources, which hold every secret of the old server.')
    .option('--copies <folder>', 'where they are kept (or SLIPWAY_COPIES)')
    .option('--delete', 'delete them all')
    .option('--yes', 'answer the confirmation')
    .addHelpText('after', '\nExamples:\n  $ slipway copies\n  $ slipway copies --delete --yes'),
  () => import('./commands/copies'),
);

lazily(
  program
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .summary('print a shell completion script')
    .description('Print a script that completes commands, options and file names in a shell.')
    .addHelpText('after', '\nExample:\n  $ source <(slipway completion bash)'),
  async () => {
    const { completionScript } = await import('./completion');
    return {
      run: async (shell: string): Promise<number> => {
        const { print } = await import('./terminal');
        await print(completionScript(shell, program));
        return EXIT.fine;
      },
    };
  },
);

const json = process.argv.includes('--json');

/** Where an error came from, without its message: that may quote a value, and a value may be a secret. */
function traceOf(error: Error): string {
  const stack = error.stack ?? '';
  const told = stack.indexOf(error.message) + error.message.length;
  const frames = stack.slice(told).split('\n');
  return [error.name, ...frames.filter((line) => line.startsWith('    at '))].join('\n');
}

for (const command of [program, ...program.commands]) {
  // Errors are told below, in one form whoever finds them; with --json help must not get between.
  command.exitOverride().configureOutput({
    outputError: () => undefined,
    ...(json ? { writeErr: (): void => undefined } : {}),
  });
}

guardOutput();

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof FailureError) {
    tellFailure(error.failure, json);
    process.exitCode = exitCodeOf(error.failure);
  } else if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    // Without a command, or with `help` of one that is not there, commander shows the help instead of an error.
    const helped = error.code === 'commander.help';
    if (error.exitCode !== 0 && (json || !helped)) {
      const message = helped
        ? 'No command was given, or one that is not known.'
        : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
      tellFailure(
        { code: 'usage/wrong', message, remedy: 'slipway --help shows the commands and their options.', kind: 'usage' },
        json,
      );
    }
  } else {
    // A defect of ours: say so, with the trace only when asked for, and never its message.
    const name = error instanceof Error ? error.name : 'unknown';
    tellFailure(
      {
        code: 'internal/defect',
        message: `Slipway itself failed (${name}). Nothing more was written.`,
        remedy: 'Set SLIPWAY_DEBUG=1 and run it again to see where; please report it.',
        kind: 'unreadable',
      },
      json,
    );
    if (process.env['SLIPWAY_DEBUG'] === '1' && error instanceof Error) tell(traceOf(error));
    process.exitCode = EXIT.unreadable;
  }
}
