/**
 * Without the APNs key: whether the push certificate can be had again for the same topic, what the operator must send,
 * and whether what comes back is right.
 *
 * What proves what. Apple chooses the topic: it is the UID in the certificate Apple issues, and nothing in a request
 * asks for one. "Renew" on an existing entry of the push certificates portal keeps the entry's topic, whatever key the
 * request has; "Create" makes a new topic. The portal shows only the entries of the Apple account that made them. So
 * the account decides, not the key, and only the certificate that comes back is proof.
 */
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Certificate } from '../certificates/der';
import { keyFacts, keyMatches, privateKeyPem, publicKeyOf } from '../certificates/key';
import { writePem } from '../certificates/pem';
import type { CertificateRequest } from '../certificates/request';
import { writeRequest, type RequestSubject } from '../certificates/request-writer';
import { spkiOf } from '../certificates/private-key';
import { misused, refused } from '../failure';
import type { Secret } from '../secret';
import { inDays } from './problem';
import { topicOf } from './role';

const generate = promisify(generateKeyPair);
const DAY = 86_400_000;

/**
 * `nothing`: certificate and key are both here. `download`: the key is here, the certificate can be fetched again.
 * `renew`: send this request. `renew-new-key`: the key is lost, a new pair is needed. `unknown-topic`: nothing at hand
 * says which topic is meant.
 */
export type RenewalWay = 'nothing' | 'download' | 'renew' | 'renew-new-key' | 'unknown-topic';

/** One fact or step, with a stable code. */
export interface RenewalNote {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly sentence: string;
}

/** What is at hand. Everything may be missing. */
export interface PushMaterial {
  readonly csr?: CertificateRequest | null;
  readonly key?: KeyObject | null;
  readonly oldCertificate?: Certificate | null;
  readonly deviceTopics: readonly string[];
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
}

/** What can be done. */
export interface PushAssessment {
  readonly way: RenewalWay;
  /** The topic the new certificate must have; null when unknown. */
  readonly topic: string | null;
  /** Whether the same topic can be had. `account`: only with the Apple account that holds the entry. */
  readonly sameTopic: 'yes' | 'account' | 'unknown';
  readonly notes: readonly RenewalNote[];
  /** What the operator does, in order. */
  readonly steps: readonly string[];
  /** The request to have signed by a vendor; null where none is needed or a new key must be made first. */
  readonly requestPem: string | null;
}

/** Says whether the push certificate can be had again for the devices' topic, and how. */
export function assessPushRequest(material: PushMaterial): PushAssessment {
  const { csr = null, key = null, oldCertificate = null, deviceTopics, at } = material;
  const notes: RenewalNote[] = [];
  const note = (code: string, severity: RenewalNote['severity'], sentence: string): void =>
    void notes.push({ code, severity, sentence });
  const topics = [...new Set(deviceTopics)];
  const oldTopic = oldCertificate ? topicOf(oldCertificate).topic : null;
  const topic = topics.length === 1 ? (topics[0] ?? null) : oldTopic;
  if (topics.length > 1)
    note('several-topics', 'error', `The devices use ${topics.length} topics; each has a push certificate of its own.`);
  if (oldTopic !== null && topics.length > 0 && !topics.includes(oldTopic))
    note(
      'topic-differs',
      'error',
      `The old certificate’s topic ${oldTopic} is not the devices’ (${topics.join(', ')}).`,
    );
  note(
    'topic-by-apple',
    'info',
    'Apple chooses the topic; nothing in a request asks for one. Only the certificate that comes back proves it.',
  );

  const keyFitsOld = key !== null && oldCertificate !== null && keyMatches(key, oldCertificate.spki);
  const keyFitsCsr = key !== null && csr !== null && keyMatches(key, csr.spki);
  const csrFitsOld = csr !== null && oldCertificate !== null && sameKey(csr.spki, oldCertificate.spki);
  if (csr?.selfSigned === false)
    note(
      'request-damaged',
      'error',
      'The request is not signed by its own key: it was changed or damaged, and nobody will sign it.',
    );
  if (csr && key && !keyFitsCsr) note('key-differs', 'error', 'The key is not the one the request was made with.');
  if (csr && oldCertificate)
    note(
      csrFitsOld ? 'request-is-original' : 'request-is-other',
      'info',
      csrFitsOld
        ? 'The old certificate was issued for this request’s key.'
        : 'The old certificate was issued for another key than this request’s; that does not matter for a renewal.',
    );
  if (csr && !keyFitsCsr)
    note(
      'request-without-key',
      'warning',
      'Without its private key this request is of no use: nobody could push with the certificate that comes back.',
    );
  if (oldCertificate) age(oldCertificate, at, note);
  else
    note(
      'old-certificate-missing',
      'warning',
      'Without the old certificate, compare the topic and serial number with the entry in Apple’s portal yourself.',
    );

  const usable = csr !== null && keyFitsCsr && csr.selfSigned !== false && isRsa(csr.spki);
  if (csr && keyFitsCsr && !isRsa(csr.spki))
    note('not-rsa-for-fleet', 'error', 'The request’s key is not RSA, and Fleet needs RSA.');
  const differs = oldTopic !== null && topics.length > 0 && !topics.includes(oldTopic);
  const valid = oldCertificate !== null && oldCertificate.notAfter > at;
  const way: RenewalWay =
    topic === null
      ? 'unknown-topic'
      : keyFitsOld && valid && !differs
        ? 'nothing'
        : key !== null && oldCertificate === null && csr !== null && keyFitsCsr
          ? 'download'
          : usable
            ? 'renew'
            : 'renew-new-key';
  return {
    way,
    topic,
    sameTopic: way === 'nothing' ? 'yes' : way === 'unknown-topic' ? 'unknown' : 'account',
    notes,
    steps: stepsOf(way, topic),
    requestPem:
      csr && csr.selfSigned !== false && (way === 'renew' || way === 'download')
        ? writePem('CERTIFICATE REQUEST', csr.der)
        : null,
  };
}

/**
 * A request for a renewal, with a new key (RSA 2048) unless one is given. The key is PKCS#1, as Fleet wants it.
 * @param key an RSA key to make the request with.
 */
export async function makePushRequest(
  subject: RequestSubject,
  key?: KeyObject,
): Promise<{
  readonly key: Secret;
  readonly csrPem: string;
  readonly csrDer: Buffer;
}> {
  const privateKey = key ?? (await generate('rsa', { modulusLength: 2048 })).privateKey;
  const csrDer = writeRequest(privateKey, subject);
  return {
    key: privateKeyPem(privateKey, 'push certificate key'),
    csrPem: writePem('CERTIFICATE REQUEST', csrDer),
    csrDer,
  };
}

/** The subject of a request, as the operator worded it. Throws `usage/country`, `usage/email`, `usage/common-name`. */
export function pushSubject({
  commonName,
  country,
  email,
}: {
  readonly commonName: string;
  readonly country: string | undefined;
  readonly email: string | undefined;
}): RequestSubject {
  if (country !== undefined && !/^[A-Z]{2}$/.test(country))
    misused('usage/country', `«${country}» is no country code.`, 'Give two capital letters: US.');
  if (email !== undefined && !/^[\x21-\x7e]+@[\x21-\x7e]+$/.test(email))
    misused('usage/email', `«${email}» is no e-mail address.`, 'Give it in ASCII: ops@example.com.');
  if (commonName === '' || commonName.length > 64)
    misused('usage/common-name', 'A common name has 1 to 64 characters.', 'Give another one.');
  return {
    commonName,
    ...(country === undefined ? {} : { country }),
    ...(email === undefined ? {} : { email }),
  };
}

/** Throws `push/key-unfit` for a key Fleet could not push with. */
export function requirePushKey(key: KeyObject): void {
  const { type, bits } = keyFacts(key);
  if (type !== 'RSA' || (bits ?? 0) < 2048)
    refused(
      'push/key-unfit',
      `The key is ${type} ${bits ?? ''}; Fleet needs RSA, of 2048 bits or more.`,
      'Make a new one with --new-key-file: a renewal may have another key.',
    );
}

/** Throws `push/request-unfit` for a request nobody would sign or could use. */
export function requireUsableRequest(csr: CertificateRequest, key: KeyObject, at: number): void {
  const bad = assessPushRequest({ csr, key, deviceTopics: [], at }).notes.filter(
    ({ severity }) => severity === 'error',
  );
  const [first] = bad;
  if (first)
    refused('push/request-unfit', first.sentence, 'Make a new request: leave out --request.', {
      problems: bad.map(({ code }) => code).join(','),
    });
}

/** What to check a reply against. */
export interface PushReply {
  readonly newCertificate: Certificate;
  readonly key: KeyObject | null;
  /** The request that was sent. */
  readonly csr?: CertificateRequest | null;
  readonly oldCertificate?: Certificate | null;
  readonly deviceTopics: readonly string[];
  readonly at: number;
}

/** Whether the certificate that came back may replace the old one. */
export interface PushReplyCheck {
  /** No note is an error. */
  readonly ok: boolean;
  readonly topic: string | null;
  readonly notes: readonly RenewalNote[];
}

/** Checks what came back from Apple, before it goes anywhere. */
export function checkPushReply(reply: PushReply): PushReplyCheck {
  const { newCertificate, key, csr = null, oldCertificate = null, deviceTopics, at } = reply;
  const notes: RenewalNote[] = [];
  const note = (code: string, severity: RenewalNote['severity'], sentence: string): void =>
    void notes.push({ code, severity, sentence });
  const { topic, from } = topicOf(newCertificate);
  if (topic === null || from !== 'uid')
    note('topic-missing', 'error', 'It has no MDM topic (no UID com.apple.mgmt.… in its subject).');
  const wanted = [...new Set(deviceTopics)];
  if (topic !== null && wanted.length > 0 && !(wanted.length === 1 && wanted[0] === topic))
    note(
      'topic-differs',
      wanted.includes(topic) ? 'warning' : 'error',
      wanted.includes(topic)
        ? `Its topic ${topic} is only one of the ${wanted.length} the devices use.`
        : `Its topic ${topic} is not the devices’ (${wanted.slice(0, 3).join(', ')}): this was “Create”, or the wrong entry or Apple account. Do not use it.`,
    );
  if (topic !== null && wanted.length === 0 && (oldCertificate === null || topicOf(oldCertificate).topic === null))
    note(
      'topic-unproven',
      'error',
      `Its topic is ${topic}, and nothing at hand says which one the devices use. Give the old certificate, the topic or the source.`,
    );
  const fitsRequest = csr !== null && sameKey(csr.spki, newCertificate.spki);
  if (csr && !fitsRequest) note('request-differs', 'error', 'It was issued for another key than the request’s.');
  if (!key)
    note(
      'key-missing',
      fitsRequest ? 'warning' : 'error',
      `Its private key is not at hand${fitsRequest ? '; it is the one the request was made with' : ''}.`,
    );
  else if (!keyMatches(key, newCertificate.spki))
    note('key-differs', 'error', 'It was issued for another key than the one at hand.');
  if (!isRsa(newCertificate.spki)) note('not-rsa-for-fleet', 'error', 'Its key is not RSA, and Fleet needs RSA.');
  if (newCertificate.notAfter < at) note('expired', 'error', `It expired ${inDays(at - newCertificate.notAfter)} ago.`);
  else if (newCertificate.notBefore > at)
    note('not-yet-valid', 'error', `It becomes valid only in ${inDays(newCertificate.notBefore - at)}.`);
  else if (newCertificate.notAfter - at < 30 * DAY)
    note('expiring-30', 'warning', `It expires in ${inDays(newCertificate.notAfter - at)}.`);
  if (oldCertificate) {
    const oldTopic = topicOf(oldCertificate).topic;
    if (oldTopic !== null && topic !== null && oldTopic !== topic)
      note('topic-changed', 'error', `The old certificate’s topic is ${oldTopic}.`);
    if (oldCertificate.der.equals(newCertificate.der))
      note('same-certificate', 'error', 'This is the old certificate itself.');
    else {
      if (oldCertificate.serial === newCertificate.serial)
        note('serial-same', 'warning', 'It has the old certificate’s serial number, which Apple never gives twice.');
      if (newCertificate.notBefore < oldCertificate.notBefore || newCertificate.notAfter <= oldCertificate.notAfter)
        note(
          'not-newer',
          'warning',
          'It is not newer than the old certificate: perhaps an earlier one was downloaded.',
        );
    }
    if (!oldCertificate.issuerDer.equals(newCertificate.issuerDer))
      note(
        'issuer-differs',
        'warning',
        `Another issuer than the old one’s (${newCertificate.issuer}). Apple changes its intermediates now and then; anybody else’s cannot push.`,
      );
  }
  if (notes.length === 0) note('fits', 'info', 'Key, topic, dates and issuer are right.');
  return { ok: notes.every(({ severity }) => severity !== 'error'), topic, notes };
}

function age(
  { notAfter }: Certificate,
  at: number,
  note: (code: string, severity: RenewalNote['severity'], sentence: string) => void,
): void {
  if (notAfter < at - 30 * DAY)
    note(
      'expired-long',
      'warning',
      `The old certificate expired ${inDays(at - notAfter)} ago. Apple lets one be renewed only for some time after that; if “Renew” is gone from the portal, ask Apple.`,
    );
  else if (notAfter < at)
    note(
      'expired',
      'warning',
      `The old certificate expired ${inDays(at - notAfter)} ago: no device can be pushed until it is renewed. Renew it at once.`,
    );
  else if (notAfter - at < 30 * DAY)
    note('expiring-30', 'warning', `The old certificate expires in ${inDays(notAfter - at)}.`);
}

function stepsOf(way: RenewalWay, topic: string | null): string[] {
  const portal = `Sign in at Apple’s push certificates portal (identity.apple.com/pushcert) with the Apple account that made the certificate, and find the entry whose certificate has the topic ${topic ?? '?'} (UID in its subject).`;
  const vendor =
    'Have the request signed by an MDM vendor: Apple takes no unsigned one, and we cannot sign it. Whoever holds an MDM vendor certificate can (the old server’s vendor account, or mdmcert.download if the old one came from there). Fleet’s own service signs only requests that a Fleet server made itself (Settings, Integrations, MDM, or GET /api/v1/fleet/mdm/apple/request_csr): that is a way of its own, with a key that stays in Fleet, but call it only after the old SCEP CA is in Fleet, because it makes a new CA where there is none.';
  const renew =
    'Choose “Renew” on exactly that entry, never “Create”: “Create” gives a new topic, and every device would have to enrol again.';
  const back = 'Check what comes back here before it goes into Fleet.';
  switch (way) {
    case 'nothing':
      return ['Certificate and key are both here and belong together. Nothing has to be sent.'];
    case 'download':
      return [
        portal,
        'Download its certificate: if it was issued for this key, nothing has to be renewed at all.',
        'If it was issued for another key:',
        vendor,
        renew,
        back,
      ];
    case 'renew':
      return [vendor, portal, renew, back];
    case 'renew-new-key':
      return [
        'Make a new key and request: a renewal may have a new key, the topic stays that of the entry.',
        vendor,
        portal,
        renew,
        back,
        'Without that Apple account the topic cannot be had again by us: ask Apple’s support whether it moves the certificate to another account. If not, every device must enrol again.',
      ];
    case 'unknown-topic':
      return ['Give the old push certificate, or the source’s snapshot, so that the topic is known.'];
  }
}

function isRsa(spki: Buffer): boolean {
  return publicKeyOf(spki)?.asymmetricKeyType === 'rsa';
}

function sameKey(a: Buffer, b: Buffer): boolean {
  const first = publicKeyOf(a);
  const second = publicKeyOf(b);
  return first !== null && second !== null && spkiOf(first).equals(spkiOf(second));
}
