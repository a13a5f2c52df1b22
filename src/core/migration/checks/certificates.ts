/** Checks of the source's certificates: SCEP CA, push certificate, the devices' identities. */
import { wordsFor } from '../../sources/source-words';
import { counted, DAY_MS, dateOf, hold, pass, skip, warn, type Check } from './check';
import { nameOf } from './facts';

const YEAR_DAYS = 365.25;
/** Fleet's guide: a CA with less should be re-issued with the same key before the move. */
const CA_YEARS = 5;
const PUSH_DAYS = 30;
const IDENTITY_DAYS = 30;
/** Fleet starts renewing this long before the end, 100 devices an hour. */
const RENEWAL_DAYS = 180;
const RENEWALS_PER_HOUR = 100;

const REISSUE = 'Re-issue it with the same key and subject and a later end; device certificates stay valid under it.';
const SAME_ACCOUNT =
  'Renew it at identity.apple.com/pushcert with the same Apple account: another account means another topic, and every device lost.';

export const CERTIFICATE_CHECKS: readonly Check[] = [
  {
    id: 'scep-ca',
    phase: 'certificates',
    title: 'SCEP CA and its key',
    needs: [],
    run({ snapshot: { scepCa, source } }) {
      if (scepCa === null) {
        return hold(
          'scep-ca-missing',
          'The source holds no SCEP CA. Fleet must have the CA that issued the devices’ certificates, or it refuses every message.',
          wordsFor(source.kind).caPlace,
        );
      }
      if (scepCa.key === null) {
        return hold(
          'scep-ca-key-missing',
          'The source holds the SCEP CA’s certificate without its private key; Fleet needs both.',
          'Bring the key from where it is kept.',
        );
      }
      if (!scepCa.keyMatches) {
        return hold(
          'scep-ca-key-differs',
          'The private key beside the SCEP CA is not that CA’s key; Fleet would refuse the pair.',
          'Find the matching key; look for an older backup of the database.',
        );
      }
      if (scepCa.keyType.toLowerCase() !== 'rsa') {
        return hold(
          'scep-ca-not-rsa',
          `The SCEP CA’s key is ${scepCa.keyType}; Fleet can use an RSA key only.`,
          'These devices cannot be moved in silence; talk to Fleet about their CA.',
        );
      }
      if (!scepCa.isCa) {
        return hold(
          'scep-ca-not-a-ca',
          'The certificate stored as SCEP CA is not marked as a CA, so Fleet would not accept certificates under it.',
          REISSUE,
        );
      }
      if ((scepCa.keyBits ?? 0) < 2048) {
        return hold(
          'scep-ca-weak',
          `The SCEP CA’s key has ${scepCa.keyBits ?? 'an unknown number of'} bits; less than 2048 can be forged.`,
          'Plan to re-enrol these devices under a new CA.',
        );
      }
      return pass(`${scepCa.subject}: an RSA CA of ${scepCa.keyBits ?? '?'} bits with its own key.`);
    },
  },
  {
    id: 'scep-ca-validity',
    phase: 'certificates',
    title: 'SCEP CA is valid long enough',
    needs: [],
    run({ snapshot: { scepCa }, at }) {
      if (scepCa === null) return skip('The source holds no SCEP CA.');
      const days = (scepCa.notAfter - at) / DAY_MS;
      const end = dateOf(scepCa.notAfter);
      if (days <= 0) {
        return hold(
          'scep-ca-expired',
          `The SCEP CA expired on ${end}; Fleet refuses every certificate under it.`,
          `${REISSUE} Do it before the import.`,
        );
      }
      if (scepCa.notBefore > at + DAY_MS) {
        return hold(
          'scep-ca-not-yet-valid',
          `The SCEP CA is valid from ${dateOf(scepCa.notBefore)} only.`,
          'Check the clock of this machine.',
        );
      }
      if (days < YEAR_DAYS) {
        return warn(
          'scep-ca-ending',
          `The SCEP CA ends on ${end}, in ${counted(Math.floor(days), 'day')}: on that day every device is refused at once.`,
          `${REISSUE} Do it as part of this migration.`,
        );
      }
      if (days < CA_YEARS * YEAR_DAYS) {
        return warn(
          'scep-ca-short',
          `The SCEP CA ends on ${end}, in less than five years.`,
          `${REISSUE} Fleet’s guide asks for it before the move.`,
        );
      }
      return pass(`Valid until ${end}.`);
    },
  },
  {
    id: 'push-certificate',
    phase: 'certificates',
    title: 'Push certificate and its key',
    needs: [],
    run({ snapshot: { push, source } }) {
      if (push === null) {
        return hold(
          'push-certificate-missing',
          'The source holds no push certificate; Fleet must push with the topic the devices listen on.',
          wordsFor(source.kind).pushPlace,
        );
      }
      if (push.topic === null) {
        return hold(
          'push-certificate-no-topic',
          'The push certificate names no topic, so it is no MDM push certificate.',
          'Bring the certificate from identity.apple.com/pushcert.',
        );
      }
      if (push.key === null || !push.keyMatches) {
        return hold(
          'push-certificate-key-differs',
          push.key === null
            ? 'The push certificate came without its private key.'
            : 'The private key beside the push certificate is not its own.',
          'Find the key that belongs to it; without it the certificate can only be renewed with the same Apple account.',
        );
      }
      return pass(`Topic ${push.topic}, with its own key.`);
    },
  },
  {
    id: 'push-certificate-validity',
    phase: 'certificates',
    title: 'Push certificate is valid',
    needs: [],
    run({ snapshot: { push }, at }) {
      if (push === null) return skip('The source holds no push certificate.');
      const days = (push.notAfter - at) / DAY_MS;
      const end = dateOf(push.notAfter);
      if (days <= 0)
        return hold(
          'push-certificate-expired',
          `The push certificate expired on ${end}; no device can be woken.`,
          SAME_ACCOUNT,
        );
      if (days < PUSH_DAYS) {
        return warn(
          'push-certificate-ending',
          `The push certificate ends on ${end}, in ${counted(Math.floor(days), 'day')}.`,
          `${SAME_ACCOUNT} Better before the move than after.`,
        );
      }
      return pass(`Valid until ${end}.`);
    },
  },
  {
    id: 'push-topic',
    phase: 'certificates',
    title: 'Devices listen on the push certificate’s topic',
    needs: [],
    run(facts) {
      const topic = facts.snapshot.push?.topic ?? null;
      if (topic === null) return skip('The topic of the push certificate is not known.');
      const listening = facts.judgement.devices.filter(({ device }) => (device.push?.topic ?? '') !== '');
      const elsewhere = listening.filter(({ device }) => device.push?.topic !== topic);
      if (elsewhere.length === 0) return pass(`All devices listen on ${topic}.`);
      const topics = new Set(elsewhere.map(({ device }) => device.push?.topic ?? ''));
      const subjects = elsewhere.map(nameOf);
      if (elsewhere.length === listening.length) {
        return hold(
          'push-topic-differs',
          `No device listens on ${topic}, the topic of the push certificate.`,
          'The certificate is not the one these devices enrolled with: bring that one.',
          { subjects },
        );
      }
      return warn(
        'older-topic',
        `${counted(elsewhere.length, 'device listens', 'devices listen')} on ${counted(topics.size, 'other topic')}: enrolled under an earlier push certificate, not to be reached by a push, and left out.`,
        'Re-enrol them; nothing else reaches them.',
        { subjects },
      );
    },
  },
  {
    id: 'identities-expired',
    phase: 'certificates',
    title: 'Device certificates are valid',
    needs: [],
    run({ judgement, at }) {
      const expired = judgement.devices.filter(({ device }) => (device.certificate?.notAfter ?? Infinity) <= at);
      if (expired.length === 0) return pass('No device certificate that is known has expired.');
      return warn(
        'identities-expired',
        `The identity certificate has expired on ${counted(expired.length, 'device')}; Fleet would refuse every message, so nothing of it is imported.`,
        'Re-enrol them.',
        { subjects: expired.map(nameOf) },
      );
    },
  },
  {
    id: 'identities-expiring',
    phase: 'certificates',
    title: 'Device certificates that end soon',
    needs: [],
    run({ entering, at }) {
      const within = (days: number): ReturnType<typeof entering> =>
        entering().filter(({ device }) => {
          const end = device.certificate?.notAfter ?? null;
          return end !== null && end > at && end - at < days * DAY_MS;
        });
      const renewing = within(RENEWAL_DAYS).length;
      const load =
        renewing === 0
          ? ''
          : ` Fleet begins to renew ${counted(renewing, 'device')} as soon as its renewal is on: ${RENEWALS_PER_HOUR} an hour, about ${counted(Math.ceil(renewing / RENEWALS_PER_HOUR), 'hour')}.`;
      const soon = within(IDENTITY_DAYS);
      if (soon.length === 0) return pass(`No device certificate ends within ${IDENTITY_DAYS} days.${load}`);
      const earliest = Math.min(...soon.map(({ device }) => device.certificate?.notAfter ?? Infinity));
      return warn(
        'identities-expiring',
        `The identity certificate of ${counted(soon.length, 'device')} ends within ${IDENTITY_DAYS} days, the first on ${dateOf(earliest)}.${load}`,
        'Renew them at the old server by re-sending the enrollment profile, or have Fleet’s silent renewal ready before that day.',
        { subjects: soon.map(nameOf) },
      );
    },
  },
  {
    id: 'identities-provable',
    phase: 'certificates',
    title: 'Device certificates are known',
    needs: [],
    run({ entering, snapshot }) {
      const found = entering().filter(({ device }) => device.certificate !== null && !device.certificate.inDepot);
      if (found.length === 0) return pass('The certificate of every device that can go in is at hand.');
      return warn(
        'certificate-not-in-depot',
        `Of ${counted(found.length, 'device')} only the hash of the certificate is known: neither its issuer nor its end can be proven, and Fleet is told an end 30 days away so that it renews them first.`,
        `${snapshot.source.kind === 'micromdm' ? 'Accept' : 'Give the SCEP server’s depot (--scep-depot), their certificates may be in it; else accept'} them by that code if they were enrolled through this server’s own SCEP.`,
        { subjects: found.map(nameOf) },
      );
    },
  },
  {
    id: 'identities-issuer',
    phase: 'certificates',
    title: 'Device certificates were issued by this CA',
    needs: [],
    async run(facts) {
      if (facts.snapshot.scepCa === null) return skip('The source holds no SCEP CA to compare with.');
      const proof = await facts.issuers();
      const entering = new Set(facts.entering().map(({ device }) => device.udid));
      const foreign = proof.disproven.filter((udid) => entering.has(udid));
      if (foreign.length > 0) {
        return hold(
          'identities-foreign',
          `${counted(foreign.length, 'device that would go in has', 'devices that would go in have')} a certificate this CA’s key did not sign; Fleet would answer every message with 400.`,
          'Leave them out of the wave, or bring the CA that issued these certificates.',
          { subjects: foreign },
        );
      }
      if (proof.disproven.length > 0) {
        return warn(
          'identities-foreign-blocked',
          `${counted(proof.disproven.length, 'device that stays out has', 'devices that stay out have')} a certificate this CA’s key did not sign.`,
          'Re-enrol them, or bring the CA that issued them.',
          { subjects: proof.disproven },
        );
      }
      return pass(`The CA’s signature was verified on the certificates of ${counted(proof.proven, 'device')}.`);
    },
  },
];
