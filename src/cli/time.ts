/** Times as the JSON contract has them: RFC 3339, UTC. */
import { utcText } from '../core/utc-text';

/** Milliseconds since the epoch to `2026-11-24T01:41:09Z`; a fraction is kept only where there is one. */
export function rfc3339(milliseconds: number): string {
  return milliseconds % 1000 === 0
    ? `${utcText(milliseconds / 1000, 'T')}Z`
    : new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** Nanoseconds since the epoch to RFC 3339 with as many digits as needed: `2026-11-24T01:41:10.961988676Z`. */
export function rfc3339Nano(nanoseconds: bigint): string {
  const text = utcText(Number(nanoseconds / 1_000_000_000n), 'T');
  const rest = Number(nanoseconds % 1_000_000_000n);
  if (rest === 0) return `${text}Z`;
  const digits = String(rest).padStart(9, '0');
  let length = 9;
  while (digits.charCodeAt(length - 1) === 48) length -= 1;
  return `${text}.${digits.slice(0, length)}Z`;
}
