/** What the engine’s checks say about options of the command line, in the words of this window. */

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

export function inThisWindow(text: string): string {
  return text
    .replace(/\bno (--[a-z-]+)/g, (whole, option: string) => LACKED[option] ?? whole)
    .replace(OPTION, (found) => GIVEN[found.split(' ')[0] ?? found] ?? found);
}

/** True when what is missing is given at Fleet. */
export function asksForFleet(text: string): boolean {
  return text.search(OPTION) >= 0;
}
