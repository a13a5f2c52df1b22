/**
 * For vite: leaves out what is built for one machine.
 *
 * ssh2 has optional native parts and does without: a bundle must not hold one machine's, nor look for it. What it takes
 * its own folder for (a helper for PuTTY's agent, a file that lies in the code already) is not used. pg has an optional
 * native driver of its own, loaded only by who asks for it.
 */
export const withoutNativeParts = {
  name: 'slipway-without-native-parts',
  enforce: 'pre',
  resolveId: (id) => (id === 'cpu-features' || id === 'pg-native' || id.endsWith('.node') ? '\0no-native-part' : null),
  load: (id) => (id === '\0no-native-part' ? 'module.exports = undefined;' : null),
  transform: (code, id) =>
    /[\\/]ssh2[\\/]lib[\\/]/.test(id) && code.includes('__dirname') ? code.replaceAll('__dirname', "'.'") : null,
};
