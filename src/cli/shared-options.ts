/** Options that several commands share, one function for each thing they are about. */
import { Option, type Command } from 'commander';
import { collectCodes, collectSources } from './input';

/** Every form a source may be written in. */
export const SOURCE_HELP =
  'micromdm:PATH, micromdm:https://HOST (the server’s own /boltbackup), nanomdm:mysql://USER@HOST/DB, nanomdm:postgres://USER@HOST/DB, nanomdm:PATH or csv:PATH (docs/source-table.md)';

/** Answers as JSON, and judging as of another time. */
export function withJson(command: Command): Command {
  return command
    .option('--json', 'print JSON ("schema": 1) instead of text; errors go to standard error as JSON')
    .addOption(new Option('--at <time>', 'judge as of this instant (RFC 3339) instead of now'));
}

/** What a source needs to be reached and read, and what may lie beside it. */
export function withSource(command: Command): Command {
  return withSsh(withJson(command))
    .option('--and <source>', 'one more source, for the same Fleet; repeatable', collectSources)
    .option('--salvage', 'read on over damage, and from the older meta page if need be')
    .option('--api-key-file <file>', 'API key for micromdm:https://… (or SLIPWAY_API_KEY); - reads standard input')
    .option('--source-ca-file <file>', 'PEM of the CA that signed the source’s TLS certificate')
    .option('--source-pin <sha256>', 'SHA-256 fingerprint of the source’s TLS certificate, instead of a CA')
    .option('--copies <folder>', 'where private copies of sources are kept (or SLIPWAY_COPIES)')
    .option(
      '--source-password-file <file>',
      'password at the source’s database (or SLIPWAY_SOURCE_PASSWORD); - reads standard input',
    )
    .addOption(
      new Option(
        '--source-tls <mode>',
        'TLS to that database; the default is verify-identity, on loopback disabled',
      ).choices(['verify-identity', 'verify-ca', 'disabled']),
    )
    .option('--source-allow-plaintext', 'really connect to that database without TLS, on another machine')
    .option('--scep-depot <path>', 'the depot of the source’s SCEP server: a folder, or its Bolt file')
    .option('--scep-ca <file>', 'the source’s SCEP CA certificate, where no depot is at hand')
    .option('--scep-ca-key-file <file>', 'its private key')
    .option('--scep-last-serial <number>', 'the last number that CA has given out: decimal, or 0x…; no depot at hand')
    .option(
      '--scep-ca-passphrase-file <file>',
      'passphrase of the SCEP CA’s key (or SLIPWAY_SCEP_PASSPHRASE); - reads standard input',
    )
    .option('--push-certificate <file>', 'the source’s push certificate, instead of the one it holds')
    .option('--push-key-file <file>', 'its private key')
    .option('--enrollment-profile <file>', 'the enrollment profile the devices installed, where the source keeps none')
    .option('--via <ssh>', 'connect to the source’s database through this machine: ssh://USER@HOST[:PORT]');
}

/** How to log in at another machine: for a source, for Fleet's database, or for both. */
function withSsh(command: Command): Command {
  if (command.options.some(({ long }) => long === '--ssh-key-file')) return command;
  return command
    .option('--ssh-key-file <file>', 'private key to log in with over SSH')
    .option(
      '--ssh-passphrase-file <file>',
      'passphrase of that key (or SLIPWAY_SSH_PASSPHRASE); - reads standard input',
    )
    .option(
      '--ssh-password-file <file>',
      'password to log in with over SSH (or SLIPWAY_SSH_PASSWORD); - reads standard input',
    )
    .option(
      '--ssh-known-hosts <file>',
      'file of known hosts, instead of the user’s own and the system’s; repeatable',
      (file: string, others: string[] | undefined) => [...(others ?? []), file],
    )
    .option('--ssh-host-key <fingerprint>', 'SHA256:… of the host’s key, compared on the server itself')
    .option('--no-ssh-agent', 'ask no agent (SSH_AUTH_SOCK) for keys');
}

/** How Fleet is reached: its MySQL, its own HTTPS address, and what is needed to look into its assets. */
export function withFleet(command: Command, required: boolean): Command {
  const fleet = new Option('--fleet <url>', 'Fleet’s MySQL: mysql://USER@HOST[:PORT]/DATABASE');
  if (required) fleet.makeOptionMandatory();
  return withSsh(command)
    .addOption(fleet)
    .option('--fleet-via <ssh>', 'connect to Fleet’s MySQL through this machine: ssh://USER@HOST[:PORT]')
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

/** Cautions and checks that are acknowledged, and why. */
export function withAccept(command: Command): Command {
  return command
    .option(
      '--accept <codes>',
      'acknowledge cautions and overridable checks by code, separated by commas',
      collectCodes,
    )
    .option('--reason <text>', 'why they were acknowledged; goes into the journal');
}
