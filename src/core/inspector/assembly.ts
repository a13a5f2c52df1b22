/** Makes items of drafts: gives each its role, its fields and what there is to say about it. */
import { hash, type KeyObject } from 'node:crypto';
import type { Certificate } from '../certificates/der';
import { EXTENSION, readAltNames, readExtendedKeyUsage, readKeyUsage, readPathLength } from '../certificates/extension';
import { keyFacts, publicKeyOf } from '../certificates/key';
import { signatureName } from '../certificates/signature';
import type { Draft } from './draft';
import type { Item, Role } from './item';
import { judge } from './lint';
import type { Relations } from './relation';
import { environmentOf, roleOf, topicOf } from './role';

/** Which role a whole group has when its members say several. */
const RANK: readonly Role[] = ['push-certificate', 'scep-ca', 'abm', 'mdm-vendor', 'tls-server', 'ca', 'identity'];

/** A draft with what was found out about it on the way. */
export interface Known {
  readonly index: number;
  readonly draft: Draft;
  readonly role: Role;
  readonly publicKey: KeyObject | null;
  readonly keyType: string | null;
  readonly keyBits: number | null;
  /** Members of its group, itself included; empty when it has no public key. */
  readonly group: readonly number[];
}

/** Items in the order of the drafts. */
export function assemble(
  drafts: readonly Draft[],
  relations: Relations,
  at: number,
  deviceTopics: ReadonlySet<string>,
): Item[] {
  const groups = new Map<number, readonly number[]>();
  for (const group of relations.groups) for (const index of group) groups.set(index, group);
  const roles = certificateRoles(drafts, relations);
  const known = drafts.map((draft, index): Known => {
    const group = groups.get(index) ?? [];
    const publicKey = draft.publicKey ?? draft.key ?? (draft.spki ? publicKeyOf(draft.spki) : null);
    const { type, bits } = publicKey ? keyFacts(publicKey) : { type: null, bits: null };
    return {
      index,
      draft,
      role: roles.get(index) ?? groupRole(draft, group, roles),
      publicKey,
      keyType: type,
      keyBits: bits,
      group,
    };
  });
  const problems = judge(known, relations, at, deviceTopics);
  const indexes = new Map(drafts.map((draft, index) => [draft, index]));
  return known.map((one) => {
    const { draft, index, role } = one;
    const { certificate, request, spki } = draft;
    return {
      index,
      ...draft.place,
      alsoIn: draft.alsoIn,
      parent: draft.parent ? (indexes.get(draft.parent) ?? null) : null,
      kind: draft.kind,
      role,
      subject: certificate?.subject ?? request?.subject ?? null,
      issuer: certificate?.issuer ?? (typeof draft.facts['issuer'] === 'string' ? draft.facts['issuer'] : null),
      serial: certificate ? printSerial(certificate.serial) : null,
      notBefore: certificate?.notBefore ?? null,
      notAfter: certificate?.notAfter ?? draft.notAfter,
      sha256: draft.fileSha256 ?? hash('sha256', draft.fingerprinted, 'hex'),
      sha1: draft.fileSha256 === null ? hash('sha1', draft.fingerprinted, 'hex') : null,
      publicKeySha256: spki ? hash('sha256', spki, 'hex') : null,
      keyType: one.keyType,
      keyBits: one.keyBits,
      topic: (certificate && role === 'push-certificate' ? topicOf(certificate).topic : null) ?? draft.topic,
      environment: certificate && role === 'push-certificate' ? environmentOf(certificate) : null,
      ...extensionFields(certificate),
      sans: certificate ? readAltNames(certificate.extension(EXTENSION.subjectAltName)) : (request?.altNames ?? []),
      signatureAlgorithm: certificate
        ? signatureName(certificate.signatureAlgorithm.oid)
        : request
          ? signatureName(request.signatureAlgorithm.oid)
          : null,
      chain: relations.chains.get(index) ?? null,
      encrypted: draft.encrypted,
      locked: draft.locked,
      facts: {
        ...draft.facts,
        ...(draft.keyForms.size > 0 ? { forms: [...draft.keyForms] } : {}),
        ...(certificate ? { pathLength: readPathLength(certificate.extension(EXTENSION.basicConstraints)) } : {}),
      },
      problems: [...draft.problems, ...(problems.get(index) ?? [])],
    };
  });
}

/** As OpenSSL prints a serial number. */
export function printSerial(serial: bigint): string {
  const hex = (serial < 0n ? -serial : serial).toString(16).toUpperCase();
  return `${serial < 0n ? '-' : ''}${hex.length % 2 === 1 ? '0' : ''}${hex}`;
}

function extensionFields(
  certificate: Certificate | null,
): Pick<Item, 'isCa' | 'keyUsage' | 'extendedKeyUsage' | 'subjectKeyId' | 'authorityKeyId'> {
  return {
    isCa: certificate?.isCa ?? false,
    keyUsage: certificate ? readKeyUsage(certificate.extension(EXTENSION.keyUsage)) : [],
    extendedKeyUsage: certificate ? readExtendedKeyUsage(certificate.extension(EXTENSION.extendedKeyUsage)) : [],
    subjectKeyId: certificate?.subjectKeyId?.toString('hex') ?? null,
    authorityKeyId: certificate?.authorityKeyId?.toString('hex') ?? null,
  };
}

function certificateRoles(drafts: readonly Draft[], { links }: Relations): Map<number, Role> {
  const roles = new Map<number, Role>();
  for (const [index, { certificate, roleHint }] of drafts.entries())
    if (certificate) roles.set(index, roleHint ?? roleOf(certificate));
  // What issued others is a CA, whatever it says; one that issued device identities and nothing else is a SCEP CA.
  const issued = new Map<number, Set<Role>>();
  for (const { certificate, issuer } of links) {
    const set = issued.get(issuer) ?? new Set<Role>();
    set.add(roles.get(certificate) ?? 'unknown');
    issued.set(issuer, set);
  }
  for (const [issuer, set] of issued) {
    const own = roles.get(issuer);
    if (own === 'scep-ca' || own === 'mdm-vendor') continue;
    if (set.size === 1 && set.has('identity')) roles.set(issuer, 'scep-ca');
    else if (own !== 'ca') roles.set(issuer, 'ca');
  }
  for (const { certificate, issuer } of links)
    if (roles.get(certificate) === 'unknown' && roles.get(issuer) === 'scep-ca') roles.set(certificate, 'identity');
  return roles;
}

function groupRole(draft: Draft, group: readonly number[], roles: ReadonlyMap<number, Role>): Role {
  if (draft.roleHint) return draft.roleHint;
  const found = new Set(group.flatMap((index) => roles.get(index) ?? []));
  return RANK.find((role) => found.has(role)) ?? 'unknown';
}
