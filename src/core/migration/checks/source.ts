/** Checks of the source itself: is it whole, recent, and in a state that can be moved. */
import { keepsContacts } from '../../sources/contact-times';
import { wordsFor } from '../../sources/source-words';
import { counted, DAY_MS, dateOf, fail, hold, pass, skip, warn, type Check } from './check';

/** Contact older than this means the source is not the running server's own state. */
const STALE_DAYS = 7;

export const SOURCE_CHECKS: readonly Check[] = [
  {
    id: 'source-devices',
    phase: 'source',
    title: 'Devices to move',
    needs: [],
    run({ judgement, entering }) {
      const { devices, ready, caution, blocked } = judgement.counts;
      if (devices === 0) {
        return fail(
          'source-empty',
          'The source holds no enrolled device.',
          'Check that this is the old server’s own database.',
        );
      }
      if (entering().length === 0) {
        return fail(
          'source-all-blocked',
          `None of the source’s ${counted(devices, 'device')} can be moved.`,
          'Look at the reasons device by device (`slipway read`); a common one at the top usually explains it.',
        );
      }
      return pass(
        `${counted(devices, 'device')}: ${ready.toLocaleString('en-US')} ready, ${caution.toLocaleString('en-US')} with a caution, ${blocked.toLocaleString('en-US')} blocked.`,
      );
    },
  },
  {
    id: 'source-fresh',
    phase: 'source',
    title: 'Age of the source',
    needs: [],
    run({ snapshot, at }) {
      const { readAgain } = wordsFor(snapshot.source.kind);
      if (snapshot.devices.length > 0 && snapshot.source.kind !== 'csv' && !keepsContacts(snapshot)) {
        return warn(
          'source-age-unknown',
          'The source keeps no time of contact of any device (NanoMDM’s «file» store and its first versions keep none): how old it is, and which devices are still alive, cannot be seen.',
          `${readAgain} Look at the old server’s log for devices that have not called for long.`,
        );
      }
      const days = (at - snapshot.instant) / DAY_MS;
      if (days < -1) {
        return warn(
          'source-from-future',
          `The newest contact in the source is on ${dateOf(snapshot.instant)}, after this machine’s own date.`,
          'Set the clock of this machine and of the old server; certificate dates are judged by it.',
        );
      }
      if (days > STALE_DAYS) {
        return warn(
          'source-old',
          `The newest contact in the source is from ${dateOf(snapshot.instant)}, ${counted(Math.floor(days), 'day')} ago: devices that renewed or enrolled since would be refused by Fleet.`,
          readAgain,
        );
      }
      return pass(
        `The newest contact in the source is from ${dateOf(snapshot.instant)}. Read it again just before the import.`,
      );
    },
  },
  {
    id: 'source-whole',
    phase: 'source',
    title: 'Damage in the source',
    needs: [],
    run({ snapshot }) {
      const errors = snapshot.findings.filter((finding) => finding.severity === 'error');
      if (errors.length > 0) {
        return hold(
          'source-damaged',
          `The source has ${counted(errors.length, 'error')}; the first: ${errors[0]?.detail ?? ''}`,
          snapshot.source.kind === 'micromdm'
            ? 'Take a new copy of the database and read it again; accept only what you have looked at.'
            : 'Give what is missing, correct what is wrong, and read it again; accept only what you have looked at.',
          { subjects: errors.map((finding) => finding.code) },
        );
      }
      const warnings = snapshot.findings.filter((finding) => finding.severity === 'warning');
      if (warnings.length > 0) {
        return warn(
          'source-findings',
          `The source has ${counted(warnings.length, 'oddity', 'oddities')}; the first: ${warnings[0]?.detail ?? ''}`,
          'Look through the findings of `slipway read`.',
          { subjects: warnings.map((finding) => finding.code) },
        );
      }
      return pass('The source was read without any damage.');
    },
  },
  {
    id: 'sign-message',
    phase: 'source',
    title: 'Devices sign their messages',
    needs: [],
    run({ snapshot }) {
      const profile = snapshot.enrollmentProfile;
      if (profile === null) {
        return warn(
          'sign-message-unknown',
          snapshot.source.kind === 'micromdm'
            ? 'The source stores no enrollment profile of its own, so it cannot be seen whether devices sign their messages; without that Fleet answers every one with 400. MicroMDM’s built-in profile sets it.'
            : 'No enrollment profile was given with the source (--enrollment-profile), so it cannot be seen whether devices sign their messages; without that Fleet answers every one with 400. Where a proxy checks the devices’ certificates (NanoMDM’s -cert-header) they need not.',
          'On one migrated Mac run `sudo profiles show -output stdout-xml | grep -A1 SignMessage`: it must say true. If you enrolled with a profile of your own, look in that file.',
        );
      }
      if (profile.signMessage === true)
        return pass('The enrollment profile makes devices sign their messages (SignMessage).');
      return hold(
        'sign-message-off',
        `The enrollment profile ${profile.identifier} does not set SignMessage; Fleet answers unsigned messages with 400, so these devices cannot be moved in silence.`,
        'Look at a device (`sudo profiles show -output stdout-xml | grep -A1 SignMessage`). Where it is false, set SignMessage in the profile and re-send it from the old server first.',
      );
    },
  },
  {
    id: 'duplicate-udid',
    phase: 'source',
    title: 'One record per UDID',
    needs: [],
    run(facts) {
      const found = facts.withReason('duplicate-udid', 'udid-case-conflict', 'udid-case-differs');
      if (found.length === 0) return pass('Every UDID of the source belongs to one record.');
      return warn(
        'duplicate-udid',
        `${counted(found.length, 'record shares', 'records share')} a UDID with another one, or differ${found.length === 1 ? 's' : ''} from it in case only; Fleet’s database takes such ids for one.`,
        'Look at these records; those that are superseded stay out by themselves.',
        { subjects: [...new Set(found)] },
      );
    },
  },
  {
    id: 'duplicate-serial',
    phase: 'source',
    title: 'One device per serial number',
    needs: [],
    run(facts) {
      const found = facts.withReason('duplicate-serial', 'superseded-serial');
      if (found.length === 0) return pass('Every serial number of the source belongs to one device.');
      return warn(
        'duplicate-serial',
        `${counted(found.length, 'device shares', 'devices share')} a serial number with another one; Fleet would mix up their hosts.`,
        'Find out which is real: the one in contact most recently goes in, the other stays out.',
        { subjects: found },
      );
    },
  },
  {
    id: 'pending-commands',
    phase: 'source',
    title: 'Commands waiting at the old server',
    needs: [],
    run(facts) {
      const precious = facts.withReason('pending-command');
      if (precious.length > 0) {
        return warn(
          'pending-command',
          `For ${counted(precious.length, 'device')} the old server still holds an erase, a lock, lost mode, the removal of a profile or the enrollment profile; at the switch these would silently vanish.`,
          'Let the old server deliver them or clear them there, then read the source again. Do it before the switch, not after.',
          { subjects: precious },
        );
      }
      if (facts.entering().every(({ device }) => device.pending === null)) {
        return skip(
          'The source keeps no queue of commands: whether one waits at the old server is not known.',
          'See to it there that no erase, lock or removal waits; at the switch it would silently vanish.',
        );
      }
      const waiting = facts.entering().filter(({ device }) => (device.pending?.count ?? 0) > 0).length;
      return pass(
        waiting === 0
          ? 'No device waits for a command of the old server.'
          : `${counted(waiting, 'device waits', 'devices wait')} for harmless commands of the old server, which will not be delivered.`,
      );
    },
  },
  {
    id: 'blocked-at-source',
    phase: 'source',
    title: 'Devices blocked at the old server',
    needs: [],
    run(facts) {
      const found = facts.judgement.devices.filter(({ device }) => device.blockedAtSource);
      const { kind } = facts.snapshot.source;
      if (found.length === 0)
        return kind === 'micromdm' || kind === 'several'
          ? pass('No device is blocked at the old server.')
          : skip('This source does not tell of devices that are to lose their enrollment.');
      return warn(
        'blocked-at-source',
        `${counted(found.length, 'device is', 'devices are')} blocked at the old server: each is to lose its enrollment at its next contact, and stays out.`,
        'Let the old server finish that before the switch; afterwards nobody would.',
        { subjects: found.map(({ device }) => device.udid ?? device.recordId) },
      );
    },
  },
  {
    id: 'setup-assistant',
    phase: 'source',
    title: 'Devices in Setup Assistant',
    needs: [],
    run(facts) {
      const found = facts.withReason('in-setup-assistant');
      if (found.length === 0) return pass('No device is in Setup Assistant.');
      return warn(
        'in-setup-assistant',
        `${counted(found.length, 'device waits', 'devices wait')} in Setup Assistant to be released by the old server; Fleet would never release them.`,
        'Wait until they are set up, or release them at the old server (DeviceConfigured), then read again.',
        { subjects: found },
      );
    },
  },
];
