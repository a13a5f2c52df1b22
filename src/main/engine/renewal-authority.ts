/** The SCEP CA with a later end, and the push certificate had again: as the command line does it, over the same functions. */
import type { KeyObject } from 'node:crypto';
import { basename, join } from 'node:path';
import type { CaExtensionShown } from '../../contract/given-files';
import {
  extendCa,
  issuedTo,
  NOTHING_PROVEN,
  requireProof,
  type CaNote,
  type ProvenCertificate,
} from '../../core/certificates/ca-renewal';
import { openCertificate, type Certificate } from '../../core/certificates/der';
import { keyMatches, openPrivateKey } from '../../core/certificates/key';
import { writePem } from '../../core/certificates/pem';
import { misused, refused } from '../../core/failure';
import {
  assessPushRequest,
  checkPushReply,
  makePushRequest,
  printSerial,
  pushSubject,
  requirePushKey,
  requireUsableRequest,
  signPushRequest,
  type PushMaterial,
} from '../../core/inspector';
import { refuseExisting, writePrivate } from '../../core/private-file';
import { replacePrivate } from '../private-file';
import { keyFor, type GivenFiles } from './given-files';
import type { EngineInput, EngineOutput } from './protocol';
import type { Task, Workbench } from './workbench';

/** Names of foreign certificates that are shown. */
const MOST_NAMES = 20;

interface Extension {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

export class RenewalAuthority {
  readonly #bench: Workbench;
  readonly #given: GivenFiles;
  /** What was shown last: this very certificate is saved, since each is made with another serial number. */
  #extension: Extension | null = null;

  constructor(bench: Workbench, given: GivenFiles) {
    this.#bench = bench;
    this.#given = given;
  }

  forget(): void {
    this.#extension = null;
  }

  /** Makes the extended CA and proves it; nothing is written. */
  async extend({ from, years, keepSerial }: EngineInput<'extendCa'>, task: Task): Promise<CaExtensionShown> {
    this.#extension = null;
    const { certificate: ca, key } = from === 'files' ? this.#given.pair('ca') : this.#sourceCa();
    const files: ProvenCertificate[] = this.#given
      .certificates('proof')
      .map(({ name, certificate }) => ({ name, der: certificate.der }));
    const { source } = this.#bench;
    const issued = [...files, ...issuedTo(source?.snapshot.devices ?? [])];
    const { certificate, notes } = extendCa({ ca, key, years, keepSerial, at: this.#at() });
    const proof = await requireProof(
      { old: ca, extended: certificate, issued, named: files.map(({ name }) => name), keepSerial },
      task.onProgress,
    );
    this.#extension = { certificate, key };
    return {
      old: factsOf(ca),
      extended: factsOf(certificate),
      keptSerial: certificate.serial === ca.serial,
      proof: {
        proven: proof.proven,
        foreign: proof.foreign.slice(0, MOST_NAMES),
        foreignCount: proof.foreign.length,
      },
      notes: (proof.proven === 0 ? [...notes, NOTHING_PROVEN] : notes).map((note) => ({
        ...note,
        severity: WARNINGS.has(note.code) ? ('warning' as const) : ('info' as const),
      })),
    };
  }

  /** Saves what was shown, and puts it in the place of the old CA for Fleet. */
  async saveExtended({ path }: EngineInput<'saveExtendedCa'>): Promise<null> {
    const made =
      this.#extension ??
      misused('ca/nothing-made', 'No extended CA has been made yet.', 'Extend it first, and look at the proof.');
    await replacePrivate(path, writePem('CERTIFICATE', made.certificate.der));
    this.#given.put('ca', { name: `the extended CA, saved as ${basename(path)}`, ...made });
    return null;
  }

  /** What can be done to have the push certificate again. */
  assess({ topic }: EngineInput<'assessPush'>): EngineOutput<'assessPush'> {
    const material = this.#pushAtHand(topic);
    if (material.csr === null && material.key === null && material.oldCertificate === null)
      refused(
        'push/nothing-at-hand',
        'There is no push certificate, key or request at hand.',
        'Read a source, or add what is left of them.',
      );
    const { way, topic: wanted, sameTopic, notes, steps, requestPem } = assessPushRequest(material);
    return {
      way,
      topic: wanted,
      sameTopic,
      notes: [...notes],
      steps: [...steps],
      requestUsable: requestPem !== null,
      keyAtHand: material.key !== null,
    };
  }

  /**
   * Writes what has to be sent into a folder, 0600, never over another file: the request, a new key where one is made, and
   * with an MDM vendor's certificate and key the signed request for Apple's portal.
   */
  async request(input: EngineInput<'requestPush'>): Promise<EngineOutput<'requestPush'>> {
    const { folder, key: which, vendor, topic } = input;
    const at = this.#at();
    const hand = this.#pushAtHand(topic);
    const own = which === 'new' ? null : hand.key;
    if (which === 'own' && own === null)
      refused('push/no-key', 'There is no key of a push certificate at hand.', 'Add it, or let a new one be made.');
    if (own !== null) requirePushKey(own);
    // The request that exists goes with its key; anything else gets a new one.
    const old = own !== null && input.keepRequest ? hand.csr : null;
    if (old !== null && own !== null) requireUsableRequest(old, own, at);
    const subject = pushSubject({
      commonName: input.commonName,
      country: input.country === '' ? undefined : input.country,
      email: input.email === '' ? undefined : input.email,
    });
    const made = old === null ? await makePushRequest(subject, own ?? undefined) : null;
    const der = old?.der ?? made?.csrDer ?? Buffer.alloc(0);
    const portal = vendor ? this.#sign(der, at) : null;
    const files: { readonly name: string; readonly content: Buffer | string }[] = [
      // The key first: a request without one is of no use to anybody.
      ...(which === 'new' && made !== null ? [{ name: 'push-new.key', content: made.key.reveal() }] : []),
      { name: 'push-request.csr', content: writePem('CERTIFICATE REQUEST', der) },
      ...(portal === null ? [] : [{ name: 'push-request-for-apple.plist', content: portal }]),
    ];
    for (const { name } of files) refuseExisting(join(folder, name));
    for (const { name, content } of files) await writePrivate(join(folder, name), content);
    // What comes back is checked against these.
    await this.#given.add({
      slot: 'push',
      add: files.filter(({ name }) => !name.endsWith('.plist')).map(({ name }) => join(folder, name)),
    });
    return { folder, files: files.map(({ name }) => name), to: portal === null ? 'vendor' : 'portal' };
  }

  /** Whether what Apple gave back may replace the old certificate. */
  check({ topic }: EngineInput<'checkPush'>): EngineOutput<'checkPush'> {
    const newCertificate = this.#reply();
    const hand = this.#pushAtHand(topic);
    const csr = this.#given.requests('push').find(({ spki }) => spki.equals(newCertificate.spki)) ?? hand.csr;
    // A key of another certificate counts against it only where no request says which key is meant.
    const own = this.#replyKey(newCertificate);
    const key = own ?? (csr?.spki.equals(newCertificate.spki) === true ? null : hand.key);
    const { ok, topic: found, notes } = checkPushReply({ ...hand, csr, newCertificate, key });
    const { subject, serial, notBefore, notAfter } = newCertificate;
    return { ok, topic: found, subject, serial: printSerial(serial), notBefore, notAfter, notes: [...notes] };
  }

  /** Puts what came back, once it is right, in the place of the old push certificate for Fleet. */
  use(input: EngineInput<'usePush'>): null {
    const newCertificate = this.#reply();
    const key = this.#replyKey(newCertificate);
    const { ok } = this.check(input);
    if (!ok || key === null)
      return refused(
        'push/not-right',
        'What came back may not replace the old certificate, or its key is not at hand.',
        'Look at what stands against it.',
      );
    this.#given.put('push', { name: 'the renewed push certificate', certificate: newCertificate, key });
    return null;
  }

  #reply(): Certificate {
    const all = this.#given.certificates('reply').map(({ certificate }) => certificate);
    // Apple's file may hold its intermediates too.
    const found = all.find(({ userId }) => userId?.startsWith('com.apple.mgmt') === true) ?? all[0];
    return (
      found ?? refused('push/no-reply', 'There is no certificate in what came back.', 'Choose the file Apple gave you.')
    );
  }

  #replyKey({ spki }: Certificate): KeyObject | null {
    return [...this.#given.keys('reply'), ...this.#pushKeys()].find((key) => keyMatches(key, spki)) ?? null;
  }

  #pushKeys(): KeyObject[] {
    const kept = this.#bench.source?.snapshot.push?.key ?? null;
    return [
      ...this.#given.keys('push'),
      ...(kept === null ? [] : [openPrivateKey(kept.reveal(), 'the source’s push certificate')]),
    ];
  }

  #pushAtHand(topic: string): PushMaterial & Required<Pick<PushMaterial, 'csr' | 'key' | 'oldCertificate'>> {
    const snapshot = this.#bench.source?.snapshot ?? null;
    const topics = new Set(topic === '' ? [] : [topic]);
    for (const { push, enrolled } of snapshot?.devices ?? [])
      if (push !== null && push.topic !== '' && enrolled) topics.add(push.topic);
    const given = this.#given.certificates('push').map(({ certificate }) => certificate);
    const oldCertificate =
      given.find(({ userId }) => userId?.startsWith('com.apple.mgmt') === true) ??
      given[0] ??
      (snapshot?.push ? openCertificate(snapshot.push.der, 'the source’s push certificate') : null);
    const requests = this.#given.requests('push');
    const keys = this.#pushKeys();
    const csr = requests.find(({ spki }) => keyFor(keys, [spki]) !== null) ?? requests[0] ?? null;
    const key = keyFor(keys, [...(oldCertificate === null ? [] : [oldCertificate.spki]), ...(csr ? [csr.spki] : [])]);
    return { csr, key, oldCertificate, deviceTopics: [...topics], at: this.#at() };
  }

  #sign(der: Buffer, at: number): string | Buffer {
    const keys = this.#given.keys('vendor');
    for (const { certificate } of this.#given.certificates('vendor')) {
      const key = keys.find((one) => keyMatches(one, certificate.spki));
      if (key !== undefined) return signPushRequest(der, key, this.#given.chainOf('vendor', certificate), at);
    }
    return refused(
      'push/no-vendor',
      'There is no MDM vendor certificate with its key.',
      'Add both, and the certificates above it.',
    );
  }

  #sourceCa(): { readonly certificate: Certificate; readonly key: KeyObject } {
    const { scepCa } = this.#bench.requireSource().snapshot;
    if (scepCa?.key == null)
      return refused(
        'ca/source-lacks-ca',
        `The source holds no SCEP CA ${scepCa === null ? 'at all' : 'with a key that can be opened'}.`,
        'Give it from files.',
      );
    return {
      certificate: openCertificate(scepCa.der, 'the SCEP CA'),
      key: openPrivateKey(scepCa.key.reveal(), 'the SCEP CA'),
    };
  }

  /** The sample tells its story as of its own time. */
  #at(): number {
    const { source } = this.#bench;
    return source?.sample === true ? source.at : Date.now();
  }
}

const WARNINGS: ReadonlySet<CaNote['code']> = new Set(['after-2038', 'nothing-proven']);

function factsOf({ subject, serial, notBefore, notAfter }: Certificate): CaExtensionShown['old'] {
  return { subject, serial: printSerial(serial), notBefore, notAfter };
}
