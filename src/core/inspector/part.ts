/** Chosen parts as files: PEM, DER or PKCS#12. What comes out may hold private keys, so it is a secret. */
import type { KeyObject } from 'node:crypto';
import { privateKeyPem } from '../certificates/key';
import { writePem } from '../certificates/pem';
import { writePkcs12 } from '../certificates/pkcs12';
import { misused } from '../failure';
import { Secret } from '../secret';
import type { Inspection } from './inspection';
import type { Item } from './item';

export type PartFormat = 'pem' | 'der' | 'pkcs12';

/** How to write a part. */
export interface PartOptions {
  /** For PKCS#12; it may not be empty. */
  readonly password?: Secret;
  /** Certificates: the issuers that are at hand as well (PEM and PKCS#12). */
  readonly withChain?: boolean;
  /** PKCS#12 for old Keychains and Windows: 3DES and SHA-1. */
  readonly legacy?: boolean;
}

const labels: Readonly<Partial<Record<Item['kind'], string>>> = {
  certificate: 'CERTIFICATE',
  request: 'CERTIFICATE REQUEST',
  'revocation-list': 'X509 CRL',
  'public-key': 'PUBLIC KEY',
  bundle: 'PKCS7',
  message: 'CMS',
};

/**
 * Writes one item. PEM: the item; of a bundle, everything in it. DER: the item. PKCS#12: a certificate with its key
 * where that is at hand, or a key with its certificate. Keys are PKCS#1 where they are RSA.
 * @throws FailureError `inspect/no-such-form`, `inspect/password-needed`, `inspect/locked`
 */
export async function exportPart(
  inspection: Inspection,
  item: Item,
  format: PartFormat,
  options: PartOptions = {},
): Promise<Secret> {
  if (item.locked && item.kind === 'key')
    misused('inspect/locked', 'The key is encrypted and was not opened.', 'Give its password.');
  if (format === 'pkcs12') return pkcs12(inspection, item, options);
  const { bytes, key } = inspection.material(item.index);
  if (format === 'der') {
    if (!bytes) return noSuchForm(item, format);
    return new Secret(`${item.kind} as DER`, key ? keyDer(key) : bytes);
  }
  const members =
    item.kind === 'bundle'
      ? childrenOf(inspection, item)
      : [item, ...(options.withChain ? issuers(inspection, item) : [])];
  const text = members.map((member) => pemOf(inspection, member)).join('');
  if (text === '') return noSuchForm(item, format);
  return new Secret(`${item.kind} as PEM`, text);
}

function pemOf(inspection: Inspection, item: Item): string {
  const { bytes, key } = inspection.material(item.index);
  if (key) return privateKeyPem(key, 'private key').revealText();
  const label = labels[item.kind];
  return label && bytes ? writePem(label, item.kind === 'public-key' ? spki(inspection, item, bytes) : bytes) : '';
}

/** RSA PUBLIC KEY blocks have another form inside. */
function spki(inspection: Inspection, item: Item, bytes: Buffer): Buffer {
  return inspection.publicKeyOf(item.index) ?? bytes;
}

function keyDer(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'rsa'
    ? key.export({ type: 'pkcs1', format: 'der' })
    : key.export({ type: 'pkcs8', format: 'der' });
}

async function pkcs12(inspection: Inspection, item: Item, options: PartOptions): Promise<Secret> {
  const { password } = options;
  if (!password || password.length === 0)
    misused('inspect/password-needed', 'A PKCS#12 file needs a password.', 'Give one in a file.');
  const leaf =
    item.kind === 'certificate'
      ? item
      : inspection.items.find(
          ({ kind, publicKeySha256 }) =>
            kind === 'certificate' && publicKeySha256 !== null && publicKeySha256 === item.publicKeySha256,
        );
  if (item.kind !== 'certificate' && item.kind !== 'key') return noSuchForm(item, 'pkcs12');
  const chain = leaf ? [leaf, ...(options.withChain ? issuers(inspection, leaf) : [])] : [];
  const certificates = chain.flatMap(({ index }) => inspection.material(index).certificate ?? []);
  const name = certificates[0]?.commonName ?? undefined;
  const bytes = await writePkcs12(inspection.keyOf(item.index), certificates, {
    password: password.reveal(),
    ...(name === undefined ? {} : { friendlyName: name }),
    ...(options.legacy ? { legacy: true } : {}),
  });
  return new Secret('PKCS#12', bytes);
}

function issuers(inspection: Inspection, item: Item): Item[] {
  return (item.chain?.path ?? []).slice(1).flatMap((index) => inspection.items[index] ?? []);
}

function childrenOf(inspection: Inspection, bundle: Item): Item[] {
  const inside = inspection.items.filter(({ parent }) => parent === bundle.index);
  // What was merged with the same thing elsewhere is still in this bundle.
  const merged = inspection.items.filter(
    ({ parent, alsoIn }) =>
      parent !== bundle.index &&
      alsoIn.some(({ file, path }) => file === bundle.file && path.startsWith(bundle.path) && path !== bundle.path),
  );
  return [...inside, ...merged];
}

function noSuchForm(item: Item, format: PartFormat): never {
  return misused(
    'inspect/no-such-form',
    `A ${item.kind} cannot be written as ${format === 'pkcs12' ? 'PKCS#12' : format.toUpperCase()}.`,
    'PEM and DER are for certificates, keys and requests; PKCS#12 is for certificates and keys.',
  );
}
