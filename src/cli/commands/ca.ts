/** `slipway ca extend`: the SCEP CA with a later end, and the proof that what it issued still verifies. */
import type { KeyObject } from 'node:crypto';
import {
  extendCa,
  MOST_YEARS,
  issuedTo,
  NOTHING_PROVEN,
  requireProof,
  type CaNote,
  type ExtensionProof,
  type ProvenCertificate,
} from '../../core/certificates/ca-renewal';
import { openCertificate, type Certificate } from '../../core/certificates/der';
import { openPrivateKey } from '../../core/certificates/key';
import { writePem } from '../../core/certificates/pem';
import { misused, refused } from '../../core/failure';
import { printSerial } from '../../core/inspector';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { certificatesFrom, keyFrom } from '../certificate-input';
import { EXIT } from '../exit-code';
import { clockFrom, type SourceOptions } from '../input';
import { readJudged } from '../source-reading';
import { counted, plain, print, printJson, progressLine, styled, table, tell } from '../terminal';
import { rfc3339 } from '../time';

export interface CaOptions extends SourceOptions {
  readonly certificate?: string;
  readonly keyFile?: string;
  readonly key?: string;
  readonly years: string;
  readonly keepSerial?: boolean;
  readonly prove?: string[];
  readonly out: string;
}

export async function run(_action: 'extend', source: string | undefined, options: CaOptions): Promise<number> {
  const years = yearsFrom(options.years);
  refuseExisting(options.out);
  const { ca, key, issued, at } = source === undefined ? fromFiles(options) : await fromSource(source, options);
  const { certificate, notes } = extendCa({ ca, key, years, keepSerial: options.keepSerial === true, at });
  const proof = await prove(ca, certificate, issued, options);
  const told: readonly CaNote[] = proof.proven === 0 ? [...notes, NOTHING_PROVEN] : notes;
  await writePrivate(options.out, Buffer.from(writePem('CERTIFICATE', certificate.der)));
  if (options.json === true)
    await printJson({
      schema: 1,
      file: options.out,
      old: factsOf(ca),
      extended: factsOf(certificate),
      proof,
      notes: told,
    });
  else {
    await print(
      ...table([
        ['subject', plain(certificate.subject)],
        ['valid', `${rfc3339(certificate.notBefore)} to ${rfc3339(certificate.notAfter)}`],
        ['until now to', rfc3339(ca.notAfter)],
        [
          'serial',
          `${printSerial(certificate.serial)}${certificate.serial === ca.serial ? ' (kept)' : `, before ${printSerial(ca.serial)}`}`,
        ],
        ['proven', `${counted(proof.proven, 'device certificate')} verified under the new certificate`],
        ['written', `${options.out} (0600)`],
      ]),
      '',
      ...told.map(({ code, sentence }) => `${styled('·', 'yellow')} ${plain(sentence)} ${styled(code, 'dim')}`),
    );
    if (proof.foreign.length > 0)
      tell(
        `${counted(proof.foreign.length, 'device certificate')} were not issued by this CA, neither before nor now.`,
      );
    tell('The key is the old one. Bring both into Fleet with slipway assets, before any device is imported.');
  }
  return EXIT.fine;
}

/** What is extended, and what it issued. */
interface Given {
  readonly ca: Certificate;
  readonly key: KeyObject;
  readonly issued: readonly ProvenCertificate[];
  readonly at: number;
}

function fromFiles(options: CaOptions): Given {
  const keyFile = options.keyFile ?? options.key;
  if (options.certificate === undefined || keyFile === undefined || (options.key ?? keyFile) !== keyFile)
    return misused(
      'usage/no-files',
      'The CA’s certificate and key are needed, once each.',
      'Add --certificate CA.pem and --key-file CA.key, or name a source.',
    );
  const [ca] = certificatesFrom('the SCEP CA', options.certificate);
  return { ca, key: keyFrom('the SCEP CA', keyFile), issued: provingFiles(options), at: clockFrom(options) };
}

async function fromSource(source: string, options: CaOptions): Promise<Given> {
  if ([options.certificate, options.keyFile, options.key].some((file) => file !== undefined))
    misused('usage/two-origins', 'A source and files were named.', 'Name the source, or --certificate and --key-file.');
  const files = provingFiles(options);
  const { snapshot, at } = await readJudged(source, options, { keepCertificates: true });
  const { scepCa } = snapshot;
  if (scepCa?.key == null)
    return refused(
      'ca/source-lacks-ca',
      `The source holds no SCEP CA ${scepCa === null ? 'at all' : 'with a key that can be opened'}.`,
      'Give it with --certificate and --key-file.',
    );
  return {
    ca: openCertificate(scepCa.der, 'the SCEP CA'),
    key: openPrivateKey(scepCa.key.reveal(), 'the SCEP CA'),
    issued: [...files, ...issuedTo(snapshot.devices)],
    at,
  };
}

function provingFiles({ prove = [] }: CaOptions): ProvenCertificate[] {
  return prove.flatMap((file) =>
    certificatesFrom('the device certificate', file).map(({ der }) => ({ name: file, der })),
  );
}

async function prove(
  old: Certificate,
  extended: Certificate,
  issued: readonly ProvenCertificate[],
  { json, keepSerial, prove: named = [] }: CaOptions,
): Promise<ExtensionProof> {
  const progress = progressLine(json === true);
  try {
    return await requireProof({ old, extended, issued, named, keepSerial: keepSerial === true }, progress.onProgress);
  } finally {
    progress.end();
  }
}

function yearsFrom(text: string): number {
  const years = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (years < 1 || years > MOST_YEARS)
    misused('usage/years', `«${text}» is no number of years.`, `Give a whole number from 1 to ${MOST_YEARS}.`);
  return years;
}

function factsOf(certificate: Certificate): object {
  return {
    subject: certificate.subject,
    serial: printSerial(certificate.serial),
    notBefore: rfc3339(certificate.notBefore),
    notAfter: rfc3339(certificate.notAfter),
    subjectKeyId: certificate.subjectKeyId?.toString('hex') ?? null,
  };
}
