/** Codes and platforms as words. The code itself stays beside them, small and grey, for support. */
const NAMES: Readonly<Record<string, string>> = {
  ios: 'iOS',
  ipados: 'iPadOS',
  macos: 'macOS',
  darwin: 'macOS',
  tvos: 'tvOS',
  visionos: 'visionOS',
  watchos: 'watchOS',
};
const SHORT: Readonly<Record<string, string>> = {
  udid: 'UDID',
  apns: 'APNs',
  scep: 'SCEP',
  ca: 'CA',
  sql: 'SQL',
  uuid: 'UUID',
  dep: 'DEP',
};

/** `probably-enrolled` as “Probably enrolled”. */
export function inWords(code: string): string {
  const words = code.split(/[-_]/).map((word) => SHORT[word] ?? word);
  const text = words.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function platformName(platform: string | null): string {
  if (platform === null || platform === '') return 'Unknown';
  return NAMES[platform.toLowerCase()] ?? platform;
}

/** “reading the source” as “Reading the source”. */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A generation of Fleet’s schema: “Fleet 4.69”, “Fleet’s newest schema”. */
export function generationName(generation: string): string {
  return generation === 'newest' ? 'Fleet’s newest schema' : `Fleet ${generation}`;
}
