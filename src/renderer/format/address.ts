/** Addresses as they are typed. */

/** A port, or null for what is none. */
export function portOf(text: string): number | null {
  const port = Number(text);
  return /^\d{1,5}$/.test(text.trim()) && port >= 1 && port <= 65_535 ? port : null;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** True for this machine itself. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.trim());
}
