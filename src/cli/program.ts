/**
 * Every command: its name, options and help, and nothing of what it does. That lies in `commands/<name>.ts` and is
 * loaded when it is run, so that `--help` and a quick `read` never pay for the MySQL driver.
 */
import { Argument, Command, Option } from 'commander';
import { version } from '../../package.json';
import { EXIT } from './exit-code';
import { batchSize, collectCodes, sessionCount } from './input';
import { SOURCE_HELP, withAccept, withFleet, withJson, withSource } from './shared-options';
import { days, duration, wholeHours } from './time';

type Action = (...parameters: never[]) => Promise<number>;

/** Adds a command whose code is loaded on use. The action's result is the exit code. */
function lazily(command: Command, load: () => Promise<{ readonly run: Action }>): Command {
  return command.action(async (...parameters: unknown[]) => {
    const { run } = await load();
    process.exitCode = await run(...(parameters as never[]));
  });
}

/** The whole command line, not yet run. */
export const program = new Command('slipway')
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
  program
    .command('template')
    .addArgument(new Argument('<form>', 'csv or json').choices(['csv', 'json']))
    .summary('an empty table of devices to fill in, for csv:PATH')
    .description('Write an empty table of devices: what to export from a server that Slipway cannot read itself.')
    .requiredOption('--out <file>', 'the table to write (0600)')
    .option('--overwrite', 'replace a file that exists')
    .option('--json', 'print JSON ("schema": 1) instead of text; errors go to standard error as JSON')
    .addHelpText('after', '\nExample:\n  $ slipway template csv --out devices.csv'),
  () => import('./commands/template'),
);

lazily(
  withFleet(
    withSource(
      program
        .command('dump')
        .addArgument(new Argument('<action>', 'check: what it would do, and where it is wrong').choices(['check']))
        .argument('<dump>', 'dump.sql of Fleet’s own migration script')
        .argument('<source>', SOURCE_HELP),
    ),
    false,
  )
    .summary('check a dump.sql of Fleet’s own migration script')
    .description('Hold a dump of Fleet’s migration script against the source and Fleet. Nothing of it is run.')
    .option('--fleet-version <version>', 'without --fleet: the schema it is for (default 4.69)')
    .addHelpText(
      'after',
      '\nExample:\n  $ slipway dump check dump.sql micromdm:micromdm.db --fleet mysql://slipway@127.0.0.1/fleet --fleet-password-file pw',
    ),
  () => import('./commands/dump'),
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
  withSource(
    program
      .command('push')
      .addArgument(
        new Argument('<action>', 'assess what can be done, write the request to send, check the reply').choices([
          'assess',
          'request',
          'check',
        ]),
      )
      .argument('[reply]', 'check: the certificate that came back'),
  )
    .summary('have the push certificate issued again, for the same topic')
    .description(
      'The APNs push certificate again, where its key or certificate is lost. The Apple account that made it decides.',
    )
    .option('--request <file>', 'the certificate request: the original one, or the one that was sent')
    .option('--key-file <file>', 'its private key, unencrypted')
    .addOption(new Option('--key <file>').hideHelp())
    .option('--certificate <file>', 'assess, check: the old push certificate')
    .option('--topic <topic>', 'assess, check: the topic the devices use')
    .option('--source <source>', 'assess, check: take topics and old certificate from micromdm:PATH')
    .option('--out <file>', 'request: the request to write (0600; never overwrites)')
    .option('--new-key-file <file>', 'request: make a new key and write it there (0600; never overwrites)')
    .option('--common-name <name>', 'request: name in it')
    .option('--country <code>', 'request: country in it, two letters')
    .option('--email <address>', 'request: e-mail address in it')
    .option('--vendor-certificate <file>', 'request: an MDM vendor’s certificate with Apple’s chain (PEM)')
    .option('--vendor-key-file <file>', 'request: its private key, to sign the request with')
    .option('--portal-file <file>', 'request: the signed request for Apple’s portal (0600; never overwrites)')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway push assess --request push.csr --key-file push.key --certificate old-push.pem
  $ slipway push assess --source micromdm:micromdm.db
  $ slipway push request --new-key-file push.key --out push.csr --common-name "Example MDM" --country US
  $ slipway push request --request push.csr --key-file push.key --vendor-certificate v.pem --vendor-key-file v.key --portal-file up.b64
  $ slipway push check MDM_push.pem --request push.csr --key-file push.key --certificate old-push.pem`,
    ),
  () => import('./commands/push'),
);

lazily(
  withSource(
    program
      .command('ca')
      .addArgument(new Argument('<action>', 'extend: give it a later end').choices(['extend']))
      .argument('[source]', `${SOURCE_HELP}, instead of files`),
  )
    .summary('give the SCEP CA a later end, with the same key')
    .description(
      'Extend a SCEP CA that has under five years left: same key, subject, key identifier and extensions, a later end.',
    )
    .option('--certificate <file>', 'the CA’s certificate (PEM or DER)')
    .option('--key-file <file>', 'its private key, unencrypted')
    .addOption(new Option('--key <file>').hideHelp())
    .requiredOption('--years <years>', 'years from now, 1 to 20')
    .requiredOption('--out <file>', 'the certificate to write (never overwrites)')
    .option('--keep-serial', 'keep the serial number as well')
    .option('--prove <files...>', 'device certificates it must verify; those of a source are proven anyway')
    .addHelpText(
      'after',
      `
Extend it before disk encryption keys are escrowed: they are encrypted to the CA by issuer and serial number. Where
some were escrowed already, add --keep-serial, or Fleet could not read them with the new certificate.

Examples:
  $ slipway ca extend --certificate ca.pem --key-file ca.key --years 10 --prove mac.pem ipad.pem --out ca-extended.pem
  $ slipway ca extend micromdm:micromdm.db --years 10 --out ca-extended.pem`,
    ),
  () => import('./commands/ca'),
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
  withAccept(
    withFleet(
      withSource(
        program
          .command('assets')
          .addArgument(
            new Argument(
              '<what>',
              'plan: what would change; apply: do it; undo; env: a file for a fresh Fleet',
            ).choices(['plan', 'apply', 'undo', 'env']),
          )
          .argument('[subject]', `a source (${SOURCE_HELP}); for undo the journal of an apply`),
      ),
      false,
    ),
  )
    .summary('put the push certificate and the SCEP CA, with their keys, into Fleet')
    .description(
      'Put the APNs push certificate and the SCEP CA, each with its key, into Fleet: from the source, or from files.',
    )
    .option('--apns-cert <file>', 'push certificate (PEM or DER), instead of the source’s')
    .option('--apns-key-file <file>', 'its private key, unencrypted')
    .option('--scep-cert <file>', 'SCEP CA certificate (PEM or DER), instead of the source’s')
    .option('--scep-key-file <file>', 'its private key, unencrypted')
    // As the certificates are called; the listed names say that they take files.
    .addOption(new Option('--apns-key <file>').hideHelp())
    .addOption(new Option('--scep-key <file>').hideHelp())
    .option('--out <file>', 'plan: also write it there; env: the file to write (0600)')
    .option('--plan <file>', 'apply: only if this plan is what would be done')
    .option('--upload', 'apply: then upload the push certificate to --fleet-url, which saves the restart')
    .option('--rehearse', 'apply, undo: do it all on the real target, and roll back')
    .option('--journals <folder>', 'apply: folder of the journal (default: beside --plan, else here)')
    .option('--overwrite', 'replace files that exist')
    .option('--yes', 'answer the confirmation')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway assets plan micromdm:micromdm.db --fleet mysql://slipway@127.0.0.1/fleet --private-key-file key --out assets.json
  $ slipway assets apply micromdm:micromdm.db --fleet mysql://slipway@127.0.0.1/fleet --private-key-file key --plan assets.json
  $ slipway assets undo 3f9c….assets.jsonl --fleet mysql://slipway@127.0.0.1/fleet --rehearse --yes
  $ slipway assets env --apns-cert push.pem --apns-key-file push.key --scep-cert ca.pem --scep-key-file ca.key --out fleet.env`,
    ),
  () => import('./commands/assets'),
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
    .option('--sessions <number>', 'sessions that write side by side, 1 or 2', sessionCount)
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
    .option(
      '--ladder <file>',
      'ask what leads devices which of them go to Fleet (default: the ladder beside the journal)',
    )
    .option('--proxy-token-file <file>', 'mdmproxy’s token (or SLIPWAY_PROXY_TOKEN)')
    .option('--yes', 'answer the confirmation')
    .addHelpText(
      'after',
      '\nExample:\n  $ slipway undo 3f9c….journal.jsonl --fleet mysql://slipway@127.0.0.1/fleet --rehearse --yes',
    ),
  () => import('./commands/undo'),
);

lazily(
  withFleet(
    withSource(
      program
        .command('profile')
        .addArgument(
          new Argument('<action>', 'make a profile, check one, or forecast renewals').choices([
            'make',
            'check',
            'forecast',
          ]),
        )
        .argument('[subject]', `make and forecast: ${SOURCE_HELP}; check: the profile to check`),
    ),
    false,
  )
    .summary('the profile Fleet renews migrated devices with, in silence')
    .description(
      'Make and check the enrollment profile for FLEET_SILENT_MIGRATION_ENROLLMENT_PROFILE, and forecast the renewals.',
    )
    .option('--from <file>', 'make: the enrollment profile to make it from, instead of what SOURCE holds')
    .option('--server-url <url>', 'make: the old server’s URL, as it was started with')
    .option(
      '--challenge-file <file>',
      'make, check: Fleet’s SCEP challenge (or SLIPWAY_CHALLENGE); else --fleet is asked',
    )
    .option('--installed <files...>', 'make, check: profiles from real devices; one of each kind')
    .option(
      '--anchor-file <file>',
      'make: PEM of the TLS certificate, if MicroMDM runs with one of its own (-tls-cert)',
    )
    .option('--topic <topic>', 'check: the push certificate’s topic')
    .option('--out <file>', 'make: the profile to write (0600; never overwrites)')
    .option('--encoded-file <file>', 'make: also write its base64 (0600)')
    // Not --env-file: Node 20 takes that for its own wherever it stands.
    .option('--environment-file <file>', 'make: also write the line for an environment file (0600)')
    .option('--print-env', 'make: print that line to standard output; it is a secret')
    .option('--allow-old-challenge', 'make, check: the old challenge is carried over on purpose')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway profile make micromdm:micromdm.db --server-url https://mdm.example.com --challenge-file challenge --out renew.mobileconfig
  $ slipway profile make --from handed-out.mobileconfig --installed mac.mobileconfig --challenge-file challenge --out renew.mobileconfig --environment-file fleet.env
  $ slipway profile check renew.mobileconfig --installed mac.mobileconfig ipad.mobileconfig
  $ slipway profile forecast micromdm:micromdm.db --fleet mysql://slipway@127.0.0.1/fleet --fleet-password-file pw`,
    ),
  () => import('./commands/profile'),
);

lazily(
  withSource(
    program
      .command('cutover')
      .addArgument(
        new Argument(
          '<what>',
          'config: lead the old name to Fleet; dns: what to set, and when; probe: look at the network',
        ).choices(['config', 'dns', 'probe']),
      ),
  )
    .summary('redirects, DNS and probes for the switch')
    .description(
      'Write the load balancer’s configuration, say what is set in DNS and when, and probe both. Only probe uses the network, and nothing is changed.',
    )
    .option('--old-host <name>', 'the name devices call (else what the source or the profile says)')
    .option('--source <source>', SOURCE_HELP)
    .option('--profile <file>', 'an enrollment profile of a real device: its paths, and the anchors it brought')
    .option('--for <name>', 'config: haproxy, nginx, apache, caddy, traefik, envoy, aws-alb, cloudflare, …')
    .option('--old-url <url>', 'config: the old server’s inner address')
    .option('--fleet-url <url>', 'config, probe: Fleet’s own HTTPS address')
    .option('--mode <mode>', 'config: rewrite (pass requests on) or redirect (307)')
    .option('--phase <phase>', 'config: cutover (the old server still runs) or retired')
    .option('--port <number>', 'config, probe: the port devices call')
    .option('--tls-certificate-file <path>', 'config: certificate chain, on the load balancer’s machine')
    .option('--tls-key-file <path>', 'config: its key, on the load balancer’s machine')
    .option('--trust-file <path>', 'config: CAs for the servers behind, on the load balancer’s machine')
    .option('--out <file>', 'config: the file to write; else standard output')
    .option('--overwrite', 'config: replace a file that exists')
    .option('--target <names...>', 'dns: the load balancer’s name, or its addresses')
    .option('--zone <name>', 'dns: the zone the old name lies in')
    .option('--ca-issuer <name>', 'dns: the CA as CAA names it, as in letsencrypt.org')
    .option('--validation <record>', 'dns: NAME=VALUE the CA wants to see')
    .option('--ttl <seconds>', 'dns: how long the old record lives in caches now')
    .option('--switch-at <time>', 'dns: when the name is switched (RFC 3339)')
    .option('--fleet-url-ca-file <file>', 'probe: PEM of the CA that signed Fleet’s TLS certificate')
    .option('--place <addresses...>', 'probe: the new place by address, ADDRESS[:PORT], instead of what DNS says')
    .option('--instance <urls...>', 'probe: each of Fleet’s instances, past their load balancer')
    .option('--resolver <addresses...>', 'probe: resolvers to ask, ADDRESS[:PORT]')
    .option('--only <ids>', 'probe: only these probes, by id', collectCodes)
    .option('--watch <seconds>', 'probe: again and again, telling what changed, until all pass or Ctrl-C')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway cutover config --for nginx --source micromdm:micromdm.db --old-url https://10.0.0.5:8443 --fleet-url https://fleet.example.com --out mdm.conf
  $ slipway cutover dns --old-host mdm.example.com --target lb.example.net --ttl 3600 --switch-at 2026-12-04T20:00:00Z
  $ slipway cutover probe --source micromdm:micromdm.db --fleet-url https://fleet.example.com --place 192.0.2.10 --resolver 10.0.0.2 9.9.9.9`,
    ),
  () => import('./commands/cutover'),
);

lazily(
  withAccept(
    withFleet(
      withSource(
        program
          .command('wave')
          .addArgument(
            new Argument(
              '<action>',
              'ladder: make or change it; show; plan: look at the next wave; next: move it; back; wake; where; set: set the routes again; check: percentages; config: for HAProxy',
            ).choices(['ladder', 'show', 'plan', 'next', 'back', 'wake', 'where', 'set', 'check', 'config']),
          )
          .argument('[udids...]', 'check, where: devices'),
      ),
      false,
    ),
  )
    .summary('move devices a few at a time, and back')
    .description(
      'Waves: HAProxy or mdmproxy leads each device to the old server or to Fleet. A wave’s rows are imported and read back before its routes are switched.',
    )
    .option('--ladder <file>', 'the ladder; its journal and plans lie beside it', 'ladder.json')
    .option('--source <source>', `ladder, config: ${SOURCE_HELP}; else where it is now`)
    .option('--ends <day>', 'ladder: until when the last wave has moved and Fleet renews certificates again')
    .option('--pilot <file>', 'ladder: the usual waves, these devices first, then 10 %, 50 %, all')
    .option('--rung <waves...>', 'ladder: NAME=list:FILE, percentage:N, team:T, platform:P, name:TEXT, ending:DAY, all')
    .option('--entry <conditions>', 'ladder: PERCENT:ATTENTION of the wave before (95:0)')
    .option('--certificates-first', 'ladder: devices whose certificate it would outlast go first')
    .option('--instance <instances...>', 'ladder: HAProxy, NAME=MAP,SOCKET[,FILE or hand:FILE]')
    .option('--mdmproxy <instances...>', 'ladder: mdmproxy, NAME=URL')
    .option('--proxy-ca-file <file>', 'ladder: PEM of the CA of mdmproxy’s certificate')
    .option('--allow-plain-proxy', 'ladder: mdmproxy’s token may travel in the open')
    .option('--proxy-token-file <file>', 'mdmproxy’s token (or SLIPWAY_PROXY_TOKEN)')
    .option('--team-map <file>', 'plan, next: as given to slipway plan')
    .option('--wave <name>', 'plan, next, back, wake: this wave instead of the next or the last')
    .option('--only <file>', 'back, wake: only these devices, one UDID a line')
    .option('--copied <instances...>', 'next, back, set: NAME=SHA256 of a map file carried there by hand')
    .option('--wake <way>', 'fleet, old-server, both or none (default: what address and secrets are given for)')
    .option('--push-url <url>', 'the old server, to push devices Fleet has no host of (its API key as above)')
    .option('--old-server <kind>', 'what that is, where the source does not say: micromdm or nanomdm')
    .option('--push-ca-file <file>', 'PEM of the CA of its certificate')
    .option('--allow-plain-push', 'its API key may travel in the open')
    .option('--staging', 'next: the target is a staging Fleet')
    .option('--backup-by <name>', 'next: who has taken the backup of Fleet’s database')
    .option('--renewal-set-by <name>', 'next: who has set Fleet’s renewal switches')
    .option('--percentage <number>', 'check: 0 to 100')
    .option('--old-host <name>', 'config: the name devices call')
    .option('--old-url <url>', 'config: the old server’s inner address')
    .option('--map <path>', 'config: the map file, on HAProxy’s machine')
    .option('--socket <path>', 'config: the runtime socket, on HAProxy’s machine')
    .option('--memory <amount>', 'config: what HAProxy may use, as in 2g')
    .option('--tls-file <path>', 'config: certificate chain and key in one file, on HAProxy’s machine')
    .option('--trust-file <path>', 'config: CAs for the servers behind, on HAProxy’s machine')
    .option('--log <where>', 'config: stdout, a syslog socket, or HOST:PORT')
    .option('--out <file>', 'config: the file to write; else standard output')
    .option('--overwrite', 'config: replace a file that exists')
    .option('--yes', 'answer the confirmation')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway wave config --old-host mdm.example.com --old-url https://10.0.0.5:8443 --fleet-url https://fleet.example.com --out haproxy.cfg
  $ slipway wave ladder --source micromdm:https://10.0.0.5:8443 --pilot pilots.txt --ends 2027-01-31 --instance lb1=/etc/haproxy/slipway.map,/run/haproxy/slipway.sock
  $ slipway wave plan --fleet mysql://slipway@127.0.0.1/fleet
  $ slipway wave next --fleet mysql://slipway@127.0.0.1/fleet --fleet-url https://fleet.example.com --fleet-token-file token
  $ slipway wave back --fleet mysql://slipway@127.0.0.1/fleet
  $ slipway wave check --percentage 10 575424CB-09D7-4CAD-8A7A-D3511FE8A7E2`,
    ),
  () => import('./commands/wave'),
);

function withWatched(command: Command): Command {
  return withWatchedSides(
    command.argument('[subject]', 'plan or source: who is watched; else whatever Fleet has from a migration'),
  );
}

function withWatchedSides(command: Command): Command {
  return command
    .option('--source <source>', 'read the source here instead of where the plan says')
    .option('--journals <folder>', 'where the journals of applies lie (default: beside the plan)')
    .option('--ladder <file>', 'the ladder of the waves: when each device was switched')
    .option('--stale-days <number>', 'a migrated device silent for longer is stale (default 7)', days)
    .option('--silent-days <number>', 'a switched device silent for longer needs attention (default 3)', days);
}

lazily(
  withWatched(withFleet(withSource(program.command('status')), false))
    .summary('where every device stands, with its proof')
    .description(
      'Ask Fleet’s database, its API, or both, which devices it has really heard from since their import. Reads only.',
    )
    .option('--devices', 'list every device, not only what needs attention')
    .option(
      '--state <states>',
      'only these: waiting, migrated, stale, lost, not-imported, unknown, stragglers, attention',
      collectCodes,
    )
    .option('--reread', 'also read the source as it is now: who still calls the old server')
    .option('--csv', 'print CSV')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway status plan.json --fleet mysql://slipway@db.example.com/fleet
  $ slipway status plan.json --fleet mysql://slipway@db.example.com/fleet --state stragglers --reread --csv > left.csv
  $ slipway status plan.json --fleet-url https://fleet.example.com --fleet-token-file token --json`,
    ),
  () => import('./commands/status'),
);

lazily(
  withWatched(withFleet(withSource(program.command('watch')), false))
    .summary('ask again and again, and tell what changes')
    .description(
      'Ask Fleet at an interval until every imported device has migrated, the time is over, or Ctrl-C. Reads only. With --json one line an event.',
    )
    .option('--interval <time>', 'between two looks: 30s, 5m (default 30s, at least 5s)', duration)
    .option('--until <time>', 'stop then: a time (RFC 3339) or a length (2h)')
    .option('--reread <time>', 'read the source again this often: who still calls the old server', duration)
    .option('--series <file>', 'keep the counts over time here')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway watch plan.json --fleet mysql://slipway@db.example.com/fleet --until 3h
  $ slipway watch plan.json --fleet mysql://slipway@db.example.com/fleet --json | jq 'select(.event == "change")'`,
    ),
  () => import('./commands/watch'),
);

lazily(
  withWatched(withFleet(withSource(program.command('health')), true))
    .summary('what will bite after the migration')
    .description(
      'Examine Fleet’s tables for what goes wrong later: certificates nobody renews, renewals that hang, hosts and enrollments that do not fit. Remedies are printed, never run.',
    )
    .option('--pending-hours <number>', 'profiles waiting longer are told (default 24)', wholeHours)
    .addHelpText(
      'after',
      `
Example:
  $ slipway health plan.json --fleet mysql://slipway@db.example.com/fleet`,
    ),
  () => import('./commands/health'),
);

lazily(
  withAccept(
    withFleet(
      withSource(
        program
          .command('controls')
          .argument('<what>', `${SOURCE_HELP}; or export, remove, status`)
          .argument('[subject]', 'export, remove: the source; status: the journal'),
      ),
      false,
    ),
  )
    .summary('profiles side by side: updated in place, new, left behind')
    .description(
      'Compare the old server’s profiles with Fleet’s of a team, export them for Fleet, and take off devices what shall go.',
    )
    .option('--team <name>', 'Fleet’s team, by name or id; without it: hosts without a team')
    .option('--no-history', 'do not read which profiles were sent by command (quicker on large files)')
    .option('--out <folder>', 'export: where to; remove with fleetctl: where its files go')
    .option('--identifier <ids...>', 'remove: PayloadIdentifier of the profile')
    .option('--wave <file>', 'remove: these devices, one UDID or serial number a line')
    .option('--all-devices', 'remove: every device of the source')
    .option('--through <way>', 'remove: old-server (before the switch), fleet (after it), or fleetctl (print commands)')
    .option('--old-url <url>', 'remove, status: the old server’s URL, for its API')
    .option('--old-server <kind>', 'remove: what the old server is, where the source does not say: micromdm or nanomdm')
    .option('--source <source>', 'status: where the old server’s store is: NanoMDM keeps what devices answered')
    .option('--allow-plain-http', 'remove, status: really call the old server without TLS')
    .option('--send', 'remove: send it; without it only what would be sent is shown')
    .option('--journals <folder>', 'remove: folder of the journal (default: here)')
    .option('--yes', 'remove: answer the confirmation')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway controls micromdm:micromdm.db --fleet mysql://slipway@127.0.0.1/fleet --team Workstations
  $ slipway controls export micromdm:micromdm.db --team Workstations --out ./for-fleet
  $ slipway controls remove micromdm:micromdm.db --identifier com.example.old --wave wave1.txt --old-url https://mdm.example.com
  $ slipway controls status 3f9c….commands.jsonl --old-url https://mdm.example.com --api-key-file key`,
    ),
  () => import('./commands/controls'),
);

lazily(
  withWatchedSides(
    withFleet(
      withSource(
        program
          .command('report')
          .addArgument(
            new Argument(
              '<what>',
              'write: the hand-over as a folder; backup: a verified one of the old database; check: a folder against its hashes',
            ).choices(['write', 'backup', 'check']),
          )
          .argument('<subject>', 'write: a plan or a source; backup: a source; check: a report’s folder'),
      ),
      false,
    ),
  )
    .summary('the hand-over document, and whether the old server may go')
    .description(
      'Write what was moved, with proof for each device, what was not, who did what, and what must be kept alive. Exit 1 while the old server must stay.',
    )
    .option('--out <folder>', 'write: a new folder for the report; backup: the folder for the copy')
    .option('--own-backup <file>', 'write: made by the old server’s own means, where it is no MicroMDM; is hashed')
    .option('--own-backup-by <name>', 'write: who made that, as NAME or NAME: NOTE')
    .option('--callers-by <name>', 'write: who saw that no device calls the old server, where its store does not say')
    .option('--title <text>', 'write: the customer’s name')
    .option('--prepared-by <name>', 'write: who hands over (default: the account)')
    .option('--production', 'write: the target is production')
    .option('--staging', 'write: the target is staging')
    .option('--profile <file>', 'write: an enrollment profile of a device, for the name devices call')
    .option('--accounts <file>', 'write: CSV device,by,note of devices that stay behind, each with a name')
    .option('--owner <id=name...>', 'write: who answers for what: name, tls, redirects, apns, scep-ca, renewal, …')
    .option('--redirects-by <name>', 'write: who confirms that the redirects stay, as NAME or NAME: NOTE')
    .option('--renewal-by <name>', 'write: who confirms that Fleet renews certificates again')
    .option('--backup <file>', 'write, backup: a backup of the old database that is proven now')
    .option('--probes <file>', 'write: what `cutover probe --json` printed')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway report backup micromdm:micromdm.db --out backup
  $ slipway report write plan.json --fleet mysql://slipway@db.example.com/fleet --backup backup/… --out report --owner apns=Ann
  $ slipway report check report`,
    ),
  () => import('./commands/report'),
);

lazily(
  withFleet(
    withSource(
      program
        .command('agent')
        .addArgument(
          new Argument('<what>', 'the command that makes the package; look into one; describe it; who has it').choices([
            'command',
            'inspect',
            'manifest',
            'who',
            'install',
            'status',
          ]),
        )
        .argument('[subject]', `inspect, manifest: a .pkg; who, install: ${SOURCE_HELP}; status: the journal`),
    ),
    false,
  )
    .summary('fleetd for every Mac, through the old server')
    .description(
      'Fleet’s agent before the switch: the command that makes its package, what a package is for, its manifest, and its installation through the old server.',
    )
    .option('--team <name>', 'command, inspect, manifest: the team the enroll secret must be of (with --fleet)')
    .option('--enroll-secret-file <file>', 'command: file that holds the enroll secret')
    .option('--profile-out <file>', 'command: also write the profile that carries address and secret (0600)')
    .option('--sign-identity <name>', 'command: Developer ID Installer certificate to sign with')
    .option('--fleet-desktop', 'command: with Fleet Desktop')
    .option('--enable-scripts', 'command: let Fleet run scripts')
    .option('--update-url <url>', 'command: mirror of the update server')
    .option('--disable-updates', 'command: agents never update themselves')
    .option('--url <url>', 'manifest: where the package will be served (https)')
    .option('--out <file>', 'manifest: the manifest to write')
    .option('--overwrite', 'command, manifest: replace files that exist')
    .option('--manifest-url <url>', 'install: where the manifest is served (https)')
    .option('--wave <file>', 'install: these devices, one UDID or serial number a line')
    .option('--all-devices', 'install: every Mac of the source')
    .option('--old-url <url>', 'install, status: the old server’s URL, for its API')
    .option(
      '--old-server <kind>',
      'install: what the old server is, where the source does not say: micromdm or nanomdm',
    )
    .option('--source <source>', 'status: where the old server’s store is: NanoMDM keeps what devices answered')
    .option('--allow-plain-http', 'install, status: really call the old server without TLS')
    .option('--per-second <number>', 'install: commands a second, 1 to 100 (default 10)')
    .option('--send', 'install: send it; without it only what would be sent is shown')
    .option('--reason <text>', 'install: goes into the journal')
    .option('--journals <folder>', 'install: folder of the journal (default: here)')
    .option('--yes', 'install: answer the confirmation')
    .addHelpText(
      'after',
      `
Examples:
  $ slipway agent command --fleet-url https://fleet.example.com --enroll-secret-file secret --fleet mysql://slipway@127.0.0.1/fleet --team Workstations
  $ slipway agent inspect fleetd.pkg --fleet-url https://fleet.example.com --fleet mysql://slipway@127.0.0.1/fleet --team Workstations
  $ slipway agent manifest fleetd.pkg --url https://files.example.com/fleetd.pkg --out manifest.plist
  $ slipway agent install micromdm:micromdm.db --manifest-url https://files.example.com/manifest.plist --wave wave1.txt --old-url https://mdm.example.com`,
    ),
  () => import('./commands/agent'),
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

lazily(
  program
    .command('man')
    .summary('print the manual page')
    .description('Print the manual page, slipway(1).')
    .addHelpText('after', '\nExample:\n  $ slipway man | man -l -'),
  async () => {
    const { manPage } = await import('./man-page');
    return {
      run: async (): Promise<number> => {
        const { print } = await import('./terminal');
        await print(manPage(program, version));
        return EXIT.fine;
      },
    };
  },
);
