/** The identity certificates of devices: which are accepted, in which order, and what is known of each. */
import { hash } from 'node:crypto';
import { readCertificate } from '../../certificates/der';
import { Issuer } from '../../certificates/issuer';
import { SerialMark } from '../scep-serial';
import type { DeviceCertificate, ScepCa } from '../snapshot';
import type { AssociationRecord } from './store';

/** A certificate while it is being filled in. */
export type CertificateDraft = { -readonly [Name in keyof DeviceCertificate]: DeviceCertificate[Name] };

/** All certificates devices of one source are bound to, by hash; each is one object, whoever presents it. */
export class CertificateShelf {
  readonly #drafts = new Map<string, CertificateDraft[]>();
  readonly #bytes = new Map<string, Buffer>();
  /** Serial numbers of those that claim the CA; known once they are settled. */
  readonly serials = new SerialMark();

  /** Remembers a certificate that lies with a device. Returns its hash. */
  keep(der: Buffer): string {
    const sha256 = hash('sha256', der, 'hex');
    if (!this.#bytes.has(sha256)) this.#bytes.set(sha256, der);
    return sha256;
  }

  /** What is known of a certificate comes later, with {@link settle}; the binding's time belongs to the device. */
  draft(sha256: string, associatedAt: number | null): CertificateDraft {
    const draft: CertificateDraft = {
      sha256,
      inDepot: false,
      der: null,
      notBefore: null,
      notAfter: null,
      commonName: null,
      issuedByCa: null,
      associatedAt,
    };
    const known = this.#drafts.get(sha256);
    if (known === undefined) this.#drafts.set(sha256, [draft]);
    else known.push(draft);
    return draft;
  }

  /** Hashes that some device is bound to while the certificate itself has not turned up. */
  wanted(): ReadonlySet<string> {
    return new Set([...this.#drafts.keys()].filter((sha256) => !this.#bytes.has(sha256)));
  }

  /**
   * Fills in what the certificates say.
   * @returns subjects of the issuers of those that do not claim the CA, with how many each
   */
  settle(ca: ScepCa | null, keep: boolean): ReadonlyMap<string, number> {
    const authority = ca === null ? null : readCertificate(ca.der);
    const issuer = authority === null ? null : new Issuer(authority);
    const foreign = new Map<string, number>();
    for (const [sha256, drafts] of this.#drafts) {
      const der = this.#bytes.get(sha256);
      if (der === undefined) continue;
      const certificate = readCertificate(der);
      const issuedByCa = certificate === null || issuer === null ? null : issuer.claimedBy(certificate);
      if (certificate !== null && issuedByCa === true) this.serials.see(certificate);
      if (certificate !== null && issuedByCa === false)
        foreign.set(certificate.issuer, (foreign.get(certificate.issuer) ?? 0) + 1);
      for (const draft of drafts) {
        draft.inDepot = true;
        draft.der = keep ? der : null;
        draft.notBefore = certificate?.notBefore ?? null;
        draft.notAfter = certificate?.notAfter ?? null;
        draft.commonName = certificate?.commonName ?? null;
        draft.issuedByCa = issuedByCa;
      }
    }
    return foreign;
  }
}

const SECOND = 1_000;

/**
 * A device's associations in the order they were made, the current one last, their times strictly increasing.
 *
 * The stores keep whole seconds: of those made in one second the certificate of the last Authenticate came last. Where
 * two would have the same time, the earlier one is put back by a second, so no time is later than the source says.
 * @param identity hash of the certificate of the last Authenticate, where it is stored
 */
export function inOrder(
  associations: readonly AssociationRecord[],
  identity: string | null,
): { readonly sha256: string; readonly at: number | null }[] {
  const rank = ({ sha256 }: AssociationRecord): number => (sha256 === identity ? 1 : 0);
  const sorted = associations.toSorted(
    (a, b) =>
      (a.createdAt ?? -Infinity) - (b.createdAt ?? -Infinity) || rank(a) - rank(b) || (a.sha256 < b.sha256 ? -1 : 1),
  );
  const result = sorted.map(({ sha256, createdAt }) => ({ sha256, at: createdAt }));
  for (let index = result.length - 2; index >= 0; index -= 1) {
    const entry = result[index];
    const next = result[index + 1]?.at ?? null;
    if (entry === undefined || entry.at === null || next === null) continue;
    entry.at = Math.min(entry.at, next - SECOND);
  }
  return result;
}
