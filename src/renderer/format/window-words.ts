/** What the engine says about options of the command line, in the words of this window. */

const LACKED: Readonly<Record<string, string>> = {
  '--fleet': 'no Fleet database',
  '--fleet-url': 'no address of Fleet',
  '--fleet-token-file': 'no API token',
  '--private-key-file': 'no server private key',
};

const GIVEN: Readonly<Record<string, string>> = {
  '--fleet': 'the connection to Fleet’s database',
  '--fleet-url': 'Fleet’s own address',
  '--fleet-token-file': 'the API token',
  '--private-key-file': 'the server private key',
};

const OPTION = /--(?:fleet(?:-url|-token-file)?|private-key-file)\b(?:\s+mysql:\/\/\S+?(?=[.,]?(?:\s|$)))?/g;

/** Whole phrases first: what an option is called here depends on how it is spoken of. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/`slipway check` with --fleet prints/g, 'The screen Fleet shows'],
  [/\(--fleet-tls verify-identity\)/g, '(“Check the certificate and its name”)'],
  [/Connect with --fleet-tls verify-identity/g, 'Choose “Check the certificate and its name” at Fleet'],
  [/choose --fleet-tls verify-ca/g, 'choose “Check the certificate, not its name”'],
  [/the options --fleet-tls and --fleet-ca-file/g, 'the protection of the connection'],
  [/with --fleet-ca-file/g, 'as the CA file at Fleet'],
  [/with --fleet-url-ca-file/g, 'as the CA file of Fleet’s own address'],
  [/by --fleet-password-file or in SLIPWAY_FLEET_PASSWORD/g, 'in the field for the password'],
  [/Give it in a file \(--api-key-file\) or in SLIPWAY_API_KEY/g, 'Type it into the field for the API key'],
  [/by --fleet-token-file/g, 'at Fleet'],
  [/\(`apply --rehearse`\)/g, 'at Apply'],
  // Sources: what stands in brackets only names the option of what the sentence says.
  [/ \((?:(?:--(?:scep|push|enrollment|source|ssh)-[a-z-]+(?: FILE)?|SLIPWAY_[A-Z_]+|--via)(?:, | or )?)+\)/g, ''],
  [/by --(?:source|ssh)-password-file or in SLIPWAY_(?:SOURCE|SSH)_PASSWORD/g, 'in the field for the password'],
  [/\(--source-tls verify-identity\)/g, '(“Check the certificate and its name”)'],
  [/Connect with --source-tls verify-identity/g, 'Choose “Check the certificate and its name”'],
  [/choose --source-tls verify-ca/g, 'choose “Check the certificate, not its name”'],
  [/the options --source-tls and --source-ca-file/g, 'the protection of the connection'],
  [/with --source-ca-file/g, 'as the CA file'],
  [/, then add --ssh-host-key SHA256:[A-Za-z0-9+/=]+/g, ', then say here that it is the same'],
  [/add --no-ssh-agent and name the key with --ssh-key-file/g, 'leave the agent out and name the private key'],
  [/, or name another with --ssh-known-hosts/g, ''],
  [/, or add them with --and SOURCE/g, ', or add another source'],
  // Keys and certificates
  [/ \(`slipway assets plan`\)/g, ''],
  [/ with `slipway assets plan`/g, ' again here'],
  [/Leave --private-key-file out and/g, 'Leave the server private key out of the file and'],
  [/Give it with --(?:scep|apns)-cert and --(?:scep|apns)-key-file/g, 'Give it from files'],
  [
    /Name a source, or --apns-cert with --apns-key-file, or --scep-cert with --scep-key-file/g,
    'Read a source, or give them from files',
  ],
  [/`slipway inspect` says how to have it issued again/g, '“CA and push certificate” says how to have it issued again'],
  [/`slipway inspect` (?=says what|on both)/g, 'the inspector '],
  [/with `slipway inspect`/g, 'with the inspector'],
  [/the environment file \(`slipway assets env`\)/g, 'the environment file'],
  [/: `slipway assets (?:apply|env)`(?: with --upload, --fleet-url and --fleet-token-file)?/g, ''],
  [/by name: --accept escrowed-keys/g, 'by name'],
  [
    /Name the journal that `slipway assets apply` wrote \(….assets\.jsonl\)/g,
    'Choose the journal of keys and certificates',
  ],
  [/ anew with `slipway assets apply`/g, ' anew'],
  [/`slipway assets` writes/g, 'Slipway writes'],
  [/Keep the serial number \(--keep-serial\)/g, 'Keep the serial number'],
  [/Add --keep-serial: they/g, 'Keep the serial number: they'],
  [/ with --prove(?=\.)/g, ''],
  [/Add --prove FILE… with certificates/g, 'Add certificates'],
  [/Check the clock \(--at\)/g, 'Check the clock of this machine'],
  [/Run slipway read on it to see more, with --salvage if it is damaged/g, 'Read it at Source to see more'],
  [/Make a new one with --new-key-file:/g, 'Let a new one be made:'],
  [/Make a new request: leave out --request/g, 'Let a new request be made'],
  // Silent renewal
  [
    /Name (a source, )?the profile the old server hands out \(--from FILE\), or one from a device \(--installed FILE\)/g,
    'Give the profile the old server hands out, or one from a device',
  ],
  [
    /Name it \(--from FILE\), and give one from a device of each server \(--installed FILE\)/g,
    'Give it, and one from a device of each server',
  ],
  [
    /Give it with the source \(--enrollment-profile FILE\), name it here \(--from FILE\), or one from a device \(--installed FILE\)/g,
    'Give it at Source, or here, or give one from a device',
  ],
  [/Add --server-url URL as the server was started with/g, 'Write the old server’s URL as it was started with'],
  [/, or add --allow-old-challenge/g, ', or say that the old one may be carried over'],
  [/(?:Write it again|Make the profile) with `slipway profile make`/g, 'Make it here'],
  [/`slipway read SOURCE` says why for each/g, 'Devices says why for each'],
  [/ \(--(?:from|installed) FILE\)/g, ''],
];

export function inThisWindow(text: string): string {
  return PHRASES.reduce((worded, [phrase, words]) => worded.replace(phrase, words), text)
    .replace(/\bno (--[a-z-]+)/g, (whole, option: string) => LACKED[option] ?? whole)
    .replace(OPTION, (found) => GIVEN[found.split(' ')[0] ?? found] ?? found);
}

/** True when what is missing is given at Fleet. */
export function asksForFleet(text: string): boolean {
  return text.search(OPTION) >= 0;
}
