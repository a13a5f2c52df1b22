/** `slipway push`: the push certificate had again for the same topic: what can be done, what is sent, what came back. */
import type { KeyObject } from 'node:crypto';
import { openCertificate, type Certificate } from '../../core/certificates/der';
import { openPrivateKey } from '../../core/certificates/key';
import { writePem } from '../../core/certificates/pem';
import type { CertificateRequest } from '../../core/certificates/request';
import type { RequestSubject } from '../../core/certificates/request-writer';
import { misused } from '../../core/failure';
import {
  assessPushRequest,
  checkPushReply,
  makePushRequest,
  printSerial,
  pushSubject,
  requirePushKey,
  requireUsableRequest,
  signPushRequest,
  type RenewalNote,
} from '../../core/inspector';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { certificatesFrom, keyFrom, requestFrom } from '../certificate-input';
import { EXIT } from '../exit-code';
import { clockFrom, refuseForeign, type SourceOptions } from '../input';
import { readJudged } from '../source-reading';
import { mark, plain, print, printJson, styled, table, tell } from '../terminal';
import { rfc3339 } from '../time';

export interface PushOptions extends SourceOptions {
  readonly request?: string;
  readonly keyFile?: string;
  readonly key?: string;
  readonly certificate?: string;
  readonly topic?: string;
  readonly source?: string;
  readonly out?: string;
  readonly newKeyFile?: string;
  readonly commonName?: string;
  readonly country?: string;
  readonly email?: string;
  readonly vendorCertificate?: string;
  readonly vendorKeyFile?: string;
  readonly portalFile?: string;
}

type Action = 'assess' | 'request' | 'check';

/** Options that only some actions know. */
const OWNERS: Readonly<Record<string, readonly Action[]>> = {
  certificate: ['assess', 'check'],
  topic: ['assess', 'check'],
  source: ['assess', 'check'],
  out: ['request'],
  newKeyFile: ['request'],
  commonName: ['request'],
  country: ['request'],
  email: ['request'],
  vendorCertificate: ['request'],
  vendorKeyFile: ['request'],
  portalFile: ['request'],
};

export async function run(action: Action, reply: string | undefined, options: PushOptions): Promise<number> {
  refuseForeign('push', action, options, OWNERS);
  if (options.key !== undefined && options.keyFile !== undefined)
    misused('usage/same-option', '--key is --key-file.', 'Give one of them.');
  if (action !== 'check' && reply !== undefined)
    misused(
      'usage/argument',
      `\`push ${action}\` takes no file of its own.`,
      'Name it with --request or --certificate.',
    );
  switch (action) {
    case 'assess':
      return assess(options);
    case 'request':
      return request(options);
    case 'check':
      return check(reply, options);
  }
}

/** What is at hand, from files and, where they are not given, from a source. */
interface AtHand {
  readonly csr: CertificateRequest | null;
  readonly key: KeyObject | null;
  readonly oldCertificate: Certificate | null;
  readonly deviceTopics: readonly string[];
  readonly at: number;
}

async function atHand(options: PushOptions, withSourceKey: boolean): Promise<AtHand> {
  const keyFile = options.keyFile ?? options.key;
  const csr = options.request === undefined ? null : requestFrom(options.request);
  const given = keyFile === undefined ? null : keyFrom('the push certificate', keyFile);
  const named =
    options.certificate === undefined ? null : certificatesFrom('the old push certificate', options.certificate)[0];
  const topics = new Set(options.topic === undefined ? [] : [options.topic]);
  if (options.source === undefined)
    return { csr, key: given, oldCertificate: named, deviceTopics: [...topics], at: clockFrom(options) };
  const { snapshot, at } = await readJudged(options.source, options);
  for (const { push, enrolled } of snapshot.devices)
    if (push !== null && push.topic !== '' && enrolled) topics.add(push.topic);
  const kept = snapshot.push?.key ?? null;
  return {
    csr,
    key: given ?? (withSourceKey && kept ? openPrivateKey(kept.reveal(), 'the source’s push certificate') : null),
    oldCertificate:
      named ?? (snapshot.push ? openCertificate(snapshot.push.der, 'the source’s push certificate') : null),
    deviceTopics: [...topics],
    at,
  };
}

async function assess(options: PushOptions): Promise<number> {
  const given = [options.request, options.keyFile, options.key, options.certificate, options.source];
  if (given.every((value) => value === undefined))
    misused('usage/no-files', 'Nothing was named.', 'Add --request, --key-file, --certificate or --source.');
  const { requestPem, way, topic, sameTopic, notes, steps } = assessPushRequest(await atHand(options, true));
  if (options.json === true)
    await printJson({ schema: 1, way, topic, sameTopic, requestUsable: requestPem !== null, notes, steps });
  else
    await print(
      ...table([
        ['topic', plain(topic ?? 'unknown')],
        [
          'same topic',
          { yes: 'yes', account: 'yes, with the Apple account that made it', unknown: 'unknown' }[sameTopic],
        ],
        ['way', way],
      ]),
      '',
      ...noteLines(notes),
      '',
      ...steps.map((step, index) => `${index + 1}. ${plain(step)}`),
    );
  const settled = way !== 'renew-new-key' && way !== 'unknown-topic';
  return settled && notes.every(({ severity }) => severity !== 'error') ? EXIT.fine : EXIT.found;
}

async function request(options: PushOptions): Promise<number> {
  const { out, newKeyFile, portalFile, vendorCertificate, vendorKeyFile } = options;
  const at = clockFrom(options);
  const keyFile = options.keyFile ?? options.key;
  const vendor = [vendorCertificate, vendorKeyFile, portalFile];
  if (vendor.some((value) => value !== undefined) && vendor.some((value) => value === undefined))
    misused(
      'usage/vendor',
      'A vendor’s signature needs its certificate, its key and a file to write to.',
      'Give --vendor-certificate, --vendor-key-file and --portal-file together.',
    );
  if (out === undefined && (options.request === undefined || portalFile === undefined))
    misused('usage/no-out', 'There is no file to write the request to.', 'Add --out FILE.');
  if ((keyFile === undefined) === (newKeyFile === undefined))
    misused(
      'usage/no-key',
      'The request needs one key.',
      'Add --key-file FILE for one that exists, or --new-key-file FILE to make one.',
    );
  if (options.request !== undefined && newKeyFile !== undefined)
    misused('usage/no-key', 'A request that exists has a key already.', 'Leave out --request or --new-key-file.');
  const subject = subjectFrom(options);
  const files = [out, newKeyFile, portalFile].filter((file) => file !== undefined);
  if (new Set(files).size !== files.length)
    misused('usage/same-file', 'Two outputs have the same name.', 'Name a file for each.');
  for (const file of files) refuseExisting(file);

  const key = keyFile === undefined ? null : keyFrom('the push certificate', keyFile);
  if (key !== null) requirePushKey(key);
  const old = options.request === undefined ? null : requestFrom(options.request);
  const made = old === null ? await makePushRequest(subject, key ?? undefined) : null;
  const der = old === null ? (made?.csrDer ?? Buffer.alloc(0)) : old.der;
  if (old !== null && key !== null) requireUsableRequest(old, key, at);
  const portal =
    vendorCertificate === undefined || vendorKeyFile === undefined
      ? null
      : signPushRequest(
          der,
          keyFrom('the vendor', vendorKeyFile),
          certificatesFrom('the vendor’s chain', vendorCertificate),
          at,
        );
  // The key first: a request without one is of no use to anybody.
  if (newKeyFile !== undefined && made !== null) await writePrivate(newKeyFile, made.key.reveal());
  if (out !== undefined) await writePrivate(out, Buffer.from(writePem('CERTIFICATE REQUEST', der)));
  if (portal !== null && portalFile !== undefined) await writePrivate(portalFile, Buffer.from(portal));
  const written = { request: out ?? null, newKey: newKeyFile ?? null, portal: portalFile ?? null };
  const send = portalFile ?? out ?? '';
  const to = portal === null ? 'vendor' : 'portal';
  if (options.json === true) await printJson({ schema: 1, ...written, send, to });
  else {
    await print(
      ...table([
        ...(newKeyFile === undefined ? [] : [['new key', `${newKeyFile} (0600; keep it, nobody can make it again)`]]),
        ...(out === undefined ? [] : [['request', `${out} (0600)`]]),
        ...(portalFile === undefined ? [] : [['for the portal', `${portalFile} (0600)`]]),
      ]),
    );
    tell(
      to === 'vendor'
        ? `Send ${plain(send)} to an MDM vendor to be signed; never the key. Apple’s portal takes only what comes back.`
        : `Upload ${plain(send)} at identity.apple.com/pushcert: “Renew” on the existing entry, never “Create”.`,
    );
    tell('Then: slipway push check what Apple gave you, before it goes into Fleet.');
  }
  return EXIT.fine;
}

async function check(reply: string | undefined, options: PushOptions): Promise<number> {
  if (reply === undefined)
    return misused('usage/no-files', 'No certificate was named.', 'Name what came back: push check FILE');
  const [newCertificate] = certificatesFrom('what came back', reply);
  // The source's key is the old one; a renewal may well have another.
  const hand = await atHand(options, options.request === undefined);
  const { ok, topic, notes } = checkPushReply({ newCertificate, ...hand });
  const { subject, notBefore, notAfter } = newCertificate;
  const serial = printSerial(newCertificate.serial);
  if (options.json === true)
    await printJson({
      schema: 1,
      ok,
      topic,
      subject,
      serial,
      notBefore: rfc3339(notBefore),
      notAfter: rfc3339(notAfter),
      notes,
    });
  else
    await print(
      ...table([
        ['subject', plain(subject)],
        ['topic', plain(topic ?? 'none')],
        ['serial', serial],
        ['valid', `${rfc3339(notBefore)} to ${rfc3339(notAfter)}`],
      ]),
      '',
      ...noteLines(notes),
      ok ? styled('It may replace the old one.', 'green') : styled('Do not use it.', 'red'),
    );
  return ok ? EXIT.fine : EXIT.found;
}

function noteLines(notes: readonly RenewalNote[]): string[] {
  return notes.map(({ code, severity, sentence }) => {
    return `${mark(severity)} ${plain(sentence)} ${styled(code, 'dim')}`;
  });
}

function subjectFrom({ request: given, commonName, country, email }: PushOptions): RequestSubject {
  if (given !== undefined && [commonName, country, email].some((value) => value !== undefined))
    misused('usage/option', 'A request that exists has its subject already.', 'Leave out the subject, or --request.');
  return pushSubject({ commonName: commonName ?? 'MDM push certificate', country, email });
}
