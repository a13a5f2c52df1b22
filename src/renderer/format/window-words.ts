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
