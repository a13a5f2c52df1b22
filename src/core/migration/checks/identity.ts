/** Whether Fleet is who the devices expect: the same SCEP CA, the same push topic, the right private key. */
import { sameCa, type IdentityCertificate } from '../../fleet/assets';
import { fail, hold, pass, skip, type Check, type Outcome } from './check';
import { whyOf, type Facts } from './facts';

const ASK_WAYS =
  'Run again with --fleet-url (Fleet’s SCEP is asked for its CA) or with --private-key-file (the CA is read from the database); for the topic also with --fleet-token-file.';

const CA_REMEDY =
  'Put the source’s CA into Fleet (`slipway assets plan`) before any device is imported. If Fleet already manages devices of its own, use another Fleet: replacing its CA would cut them off.';

export const IDENTITY_CHECKS: readonly Check[] = [
  {
    id: 'private-key',
    phase: 'target',
    title: 'Fleet’s server private key',
    needs: ['fleet', 'private-key'],
    async run(facts) {
      const proof = await facts.keyProof();
      if (proof === null || proof.state === 'unproven')
        return skip(
          `The key could not be tried: ${proof?.why ?? 'no database'}.`,
          'Start Fleet once with this key, then check again.',
        );
      if (proof.state === 'wrong') return fail(proof.failure.code, proof.failure.message, proof.failure.remedy);
      return pass(`The key opens Fleet’s asset ${proof.by}.`);
    },
  },
  {
    id: 'target-ca',
    phase: 'target',
    title: 'Fleet has the source’s SCEP CA',
    needs: [],
    run: checkCa,
  },
  {
    id: 'target-topic',
    phase: 'target',
    title: 'Fleet pushes on the devices’ topic',
    needs: [],
    run: checkTopic,
  },
  {
    id: 'staging-topic',
    phase: 'target',
    title: 'A staging Fleet cannot push production',
    needs: [],
    async run(facts) {
      if (!facts.context.staging) return skip('The target is not marked as staging.');
      const devices = facts.devicesTopic();
      if (devices === null) return skip('No device that goes in has a topic.');
      const { topics, reasons } = await askedTopics(facts);
      if (topics.some((topic) => topic.toLowerCase() === devices.topic.toLowerCase())) {
        return fail(
          'staging-topic-is-productions',
          `This staging Fleet has the push certificate of ${devices.topic}: importing would make it push production’s devices.`,
          'Give staging a push certificate of its own, or a copy of the source with test devices only.',
        );
      }
      if (topics.length === 0) {
        return hold(
          'staging-topic-unproven',
          `It is not known on which topic this staging Fleet pushes${reasons}.`,
          ASK_WAYS,
        );
      }
      return pass('Staging pushes on another topic than these devices listen on, so it cannot reach them.');
    },
  },
];

async function checkCa(facts: Facts): Promise<Outcome> {
  const { context } = facts;
  if (context.fleet === undefined && context.fleetUrl === undefined) {
    return skip('Not asked: neither --fleet nor --fleet-url was given.', 'Run again with one of them.');
  }
  const source = facts.sourceCa();
  if (source === null) {
    return hold(
      'target-identity-unproven',
      'The source holds no SCEP CA, so it cannot be compared with Fleet’s.',
      'Compare the CA that issued the devices’ certificates with Fleet’s by hand.',
    );
  }
  const asked: { where: string; ca: IdentityCertificate }[] = [];
  const reasons: string[] = [];
  const stored = await facts.stored();
  if (stored?.ca != null) asked.push({ where: 'Fleet’s database holds', ca: stored.ca });
  else if (stored !== null)
    reasons.push(stored.failures[0] === undefined ? 'Fleet’s database has no CA' : whyOf(stored.failures[0]));
  const served = await facts.served();
  if (served?.ok === true) asked.push({ where: 'Fleet serves', ca: served.value });
  else if (served !== null) reasons.push(whyOf(served.failure));

  for (const { where, ca } of asked) {
    if (sameCa(source, ca) !== 'different') continue;
    return fail(
      'target-ca-differs',
      `${where} another SCEP CA (${ca.subject.slice(0, 120)}, ${ca.sha256.slice(0, 12)}…) than the one that issued the devices’ certificates (${source.sha256.slice(0, 12)}…): every message would be refused.`,
      CA_REMEDY,
    );
  }
  if (asked.length === 0) {
    return hold(
      'target-identity-unproven',
      `It is not proven that Fleet has the source’s SCEP CA${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}.`,
      ASK_WAYS,
    );
  }
  const reissued = asked.some(({ ca }) => sameCa(source, ca) === 'reissued');
  return pass(
    `${asked.map(({ where }) => where).join(' and ')} the source’s CA${reissued ? ', re-issued with the same key and subject' : ''} (${source.sha256.slice(0, 12)}…).`,
  );
}

async function checkTopic(facts: Facts): Promise<Outcome> {
  const { context } = facts;
  if (context.fleet === undefined && context.fleetUrl === undefined) {
    return skip('Not asked: neither --fleet nor --fleet-url was given.', 'Run again with one of them.');
  }
  if (context.staging) return skip('A staging Fleet must not have the devices’ topic; see the check of its topic.');
  const devices = facts.devicesTopic();
  if (devices === null) return skip('No device that goes in has a topic.');
  const { topics, reasons } = await askedTopics(facts);
  const other = topics.find((topic) => topic.toLowerCase() !== devices.topic.toLowerCase());
  if (other !== undefined) {
    return fail(
      'target-topic-differs',
      `Fleet pushes on ${other.slice(0, 120)}, the devices listen on ${devices.topic.slice(0, 120)}: not one could be woken.`,
      'Put the source’s push certificate and key into Fleet (`slipway assets plan`), and restart Fleet.',
    );
  }
  if (topics.length === 0) {
    return hold(
      'target-identity-unproven',
      `It is not proven that Fleet pushes on the devices’ topic${reasons}.`,
      ASK_WAYS,
    );
  }
  return pass(`Fleet pushes on ${devices.topic}.`);
}

/** Topics Fleet was heard to push on, by database and by API; and why it was not heard, as `: because`. */
async function askedTopics(facts: Facts): Promise<{ topics: string[]; reasons: string }> {
  const topics: string[] = [];
  const reasons: string[] = [];
  const stored = await facts.stored();
  if (stored?.push?.topic != null) topics.push(stored.push.topic);
  else if (stored !== null) {
    const failure = stored.failures.find(({ message }) => message.includes('apns_cert')) ?? stored.failures[0];
    reasons.push(failure === undefined ? 'Fleet’s database has no push certificate with a topic' : whyOf(failure));
  }
  const api = await facts.apiTopic();
  if (api?.ok === true && api.value !== null) topics.push(api.value);
  else if (api?.ok === true) reasons.push('Fleet’s API names no push certificate');
  else if (api !== null) reasons.push(whyOf(api.failure));
  return { topics, reasons: reasons.length === 0 ? '' : `: ${reasons.join('; ')}` };
}
