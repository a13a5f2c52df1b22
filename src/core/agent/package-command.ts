/**
 * The command that makes fleetd’s package. fleetctl takes the enroll secret as an argument and in no other way: no file, no
 * variable, no standard input (its `package` command of 4.92). So there are two ways, and what each of them shows to whom is said.
 */
import { randomUUID } from 'node:crypto';
import { writePropertyList } from '../profile/property-list-writer';
import { Secret } from '../secret';

/** What the package shall be. */
export interface PackageWish {
  readonly fleetUrl: string;
  /** File that holds the secret, on the machine where fleetctl runs. Never the secret. */
  readonly secretFile: string;
  /** PEM of a private CA; null: none. */
  readonly certificateFile: string | null;
  /** `Developer ID Installer: …`; null: signed later. */
  readonly signIdentity: string | null;
  readonly desktop: boolean;
  readonly scripts: boolean;
  /** Mirror of the update server; null: Fleet’s own. */
  readonly updateUrl: string | null;
  readonly disableUpdates: boolean;
}

/** One way of making it. */
export interface PackageWay {
  readonly way: 'secret-in-package' | 'secret-in-profile';
  readonly title: string;
  /** Lines for a POSIX shell, to be run as they are. No secret in them. */
  readonly lines: readonly string[];
  readonly notes: readonly string[];
}

/** Both ways, the simpler one first. */
export function packageWays(wish: PackageWish): PackageWay[] {
  const common = [
    ...(wish.desktop ? ['--fleet-desktop'] : []),
    ...(wish.scripts ? ['--enable-scripts'] : []),
    ...(wish.signIdentity === null ? [] : ['--sign-identity', quoted(wish.signIdentity), '--notarize']),
    ...(wish.updateUrl === null
      ? []
      : ['--update-url', quoted(wish.updateUrl), '--update-roots', '"$(cat roots.json)"']),
    ...(wish.disableUpdates ? ['--disable-updates'] : []),
    '--outfile fleetd.pkg',
  ];
  const certificate = wish.certificateFile === null ? [] : ['--fleet-certificate', quoted(wish.certificateFile)];
  const signing =
    wish.signIdentity === null
      ? [
          'It is not signed by this command. A Mac installs only signed packages for an MDM server: productsign it, and have it notarised.',
        ]
      : ['Notarising asks Apple; its account is taken from AC_USERNAME, AC_PASSWORD and AC_TEAM_ID.'];
  const air = [
    'It is built on macOS, or on Linux with Docker, and fetches fleetd’s parts from the update server once: a machine without Internet needs a mirror (fleetctl updates init, add), given by --update-url and --update-roots.',
    ...(wish.disableUpdates
      ? []
      : [
          'Agents ask the update server again and again; where Macs must not go there, add --disable-updates or a mirror.',
        ]),
  ];
  return [
    {
      way: 'secret-in-package',
      title: 'The secret in the package',
      lines: [
        [
          'fleetctl package --type=pkg',
          `--fleet-url ${quoted(wish.fleetUrl)}`,
          `--enroll-secret "$(cat ${quoted(wish.secretFile)})"`,
          ...certificate,
          ...common,
        ].join(' \\\n  '),
      ],
      notes: [
        'The shell reads the file, so the secret is in no history; but fleetctl gets it as an argument, and while it runs every account of that machine can see it in the list of processes. Run it on a machine nobody else is on.',
        'Whoever has the package has the secret.',
        ...signing,
        ...air,
      ],
    },
    {
      way: 'secret-in-profile',
      title: 'The secret in a profile',
      lines: [['fleetctl package --type=pkg', '--use-system-configuration', ...certificate, ...common].join(' \\\n  ')],
      notes: [
        'The package holds neither address nor secret, so fleetctl is told none. They come from the profile com.fleetdm.fleetd.config, which Slipway writes and the old server installs before the package.',
        'Fleet delivers a profile of that identifier by itself later: it takes this one’s place.',
        ...signing,
        ...air,
      ],
    },
  ];
}

/**
 * The profile of the second way. It holds the enroll secret.
 * @throws FailureError `profile/unwritable` for a secret that XML cannot carry
 */
export function agentProfile(fleetUrl: string, secret: Secret, scripts: boolean): Secret {
  const text = writePropertyList({
    PayloadContent: [
      {
        EnableScripts: scripts,
        EnrollSecret: secret.revealText().trim(),
        FleetURL: fleetUrl,
        PayloadDisplayName: 'Fleetd configuration',
        PayloadIdentifier: 'com.fleetdm.fleetd.config',
        PayloadType: 'com.fleetdm.fleetd.config',
        PayloadUUID: randomUUID().toUpperCase(),
        PayloadVersion: 1,
      },
    ],
    PayloadDisplayName: 'Fleetd configuration',
    PayloadIdentifier: 'com.fleetdm.fleetd.config',
    PayloadScope: 'System',
    PayloadType: 'Configuration',
    PayloadUUID: randomUUID().toUpperCase(),
    PayloadVersion: 1,
  });
  return new Secret('profile with the enroll secret', text);
}

function quoted(text: string): string {
  return /^[A-Za-z0-9_.:@%/=~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
