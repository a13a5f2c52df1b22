/** What belongs together: by public key, and by who issued whom. Issuers are proven by signature, never by name alone. */
import { hash } from 'node:crypto';
import { Issuer } from '../certificates/issuer';
import { isSignedBy } from '../certificates/signature';
import type { Draft } from './draft';
import type { Chain, IssuerLink } from './item';

/** Signatures checked at most, and issuers of one name tried for one certificate: bounds against hostile input. */
const MAX_SIGNATURES = 25_000;
const MAX_CANDIDATES = 10;
const MAX_CHAIN = 20;

/** Who belongs to whom. Indexes are those of the drafts. */
export interface Relations {
  /** Everything with the same public key, in order; every thing with a public key is in exactly one. */
  readonly groups: readonly (readonly number[])[];
  readonly links: readonly IssuerLink[];
  /** By index; certificates only. */
  readonly chains: ReadonlyMap<number, Chain>;
}

/** Finds the relations. About 0.05 ms for each signature; lets the event loop turn in between. */
export async function relate(drafts: readonly Draft[], at: number): Promise<Relations> {
  const groups = new Map<string, number[]>();
  const bySubject = new Map<string, number[]>();
  for (const [index, { spki, certificate }] of drafts.entries()) {
    if (spki) append(groups, hash('sha256', spki, 'hex'), index);
    if (!certificate) continue;
    append(bySubject, nameOf(certificate.subjectDer), index);
    if (certificate.subjectKeyId) append(bySubject, nameOf(certificate.subjectDer, certificate.subjectKeyId), index);
  }
  const prepared = drafts.map(({ certificate }) => (certificate ? new Issuer(certificate) : null));
  const links: IssuerLink[] = [];
  const issuers = new Map<number, number>();
  const states = new Map<number, Chain['state']>();
  let signatures = 0;
  for (const [index, { certificate }] of drafts.entries()) {
    if (!certificate) continue;
    // The likeliest first, so that the bound costs only those that nobody has in earnest.
    const named = new Set([
      ...(certificate.issuerDer.equals(certificate.subjectDer) ? [index] : []),
      ...(bySubject.get(nameOf(certificate.issuerDer, certificate.authorityKeyId)) ?? []).slice(0, MAX_CANDIDATES),
      ...(bySubject.get(nameOf(certificate.issuerDer)) ?? []).slice(0, MAX_CANDIDATES),
    ]);
    const candidates = [...named]
      .slice(0, MAX_CANDIDATES)
      .filter((issuer) => prepared[issuer]?.claimedBy(certificate) ?? false);
    let refuted = false;
    const proven: number[] = [];
    for (const issuer of candidates) {
      const candidate = drafts[issuer]?.certificate;
      const known = prepared[issuer];
      if (!candidate || !known || signatures >= MAX_SIGNATURES) break;
      signatures++;
      if (signatures % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
      const signed = isSignedBy(certificate, candidate, known);
      if (signed === true) proven.push(issuer);
      refuted ||= signed === false;
    }
    // Of two self-signed certificates with one name and key neither issued the other: one is the other's renewal.
    const others = proven.includes(index) ? [] : proven;
    for (const issuer of others) links.push({ certificate: index, issuer });
    if (proven.includes(index)) states.set(index, 'self-signed');
    else if (others.length > 0) {
      // A CA that was extended has two certificates that prove the same: the one that lasts longest counts.
      const best = others.sort((a, b) => lasts(drafts[b], at) - lasts(drafts[a], at))[0];
      if (best !== undefined) issuers.set(index, best);
    } else states.set(index, refuted ? 'broken' : 'incomplete');
  }
  const chains = new Map<number, Chain>();
  for (const [index, { certificate }] of drafts.entries())
    if (certificate) chains.set(index, chainOf(index, issuers, states));
  return { groups: [...groups.values()], links, chains };
}

function chainOf(
  index: number,
  issuers: ReadonlyMap<number, number>,
  states: ReadonlyMap<number, Chain['state']>,
): Chain {
  const path = [index];
  for (let at = index; path.length < MAX_CHAIN;) {
    const next = issuers.get(at);
    if (next === undefined) {
      const state = states.get(at) ?? 'incomplete';
      return { state: state === 'self-signed' && at !== index ? 'complete' : state, path };
    }
    // Two CAs that certify each other have no end.
    if (path.includes(next)) break;
    path.push(next);
    at = next;
  }
  return { state: 'incomplete', path };
}

function lasts(draft: Draft | undefined, at: number): number {
  const certificate = draft?.certificate;
  if (!certificate) return 0;
  return certificate.notBefore <= at ? certificate.notAfter : 0;
}

function nameOf(subject: Buffer, keyId: Buffer | null = null): string {
  return `${subject.toString('latin1')} ${keyId?.toString('latin1') ?? ''}`;
}

function append(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
