/** The window's calls, answered: each a line or two over session and runbook. */
import { join, resolve } from 'node:path';
import { app, clipboard, shell } from 'electron';
import { refused } from '../core/failure';
import { readGivenSecret } from '../core/given-file';
import { tableTemplate } from '../core/sources/csv/template';
import { appFolders } from './app-folders';
import type { CallInput } from '../contract/calls';
import type { GivenSlot } from '../contract/given-files';
import type { ProfileSlot, RenewalForm } from '../contract/renewal';
import { SOURCE_SECRETS, type SourceSecret, type SourceSecretKind } from '../contract/source-secrets';
import { shownText } from '../contract/shown-text';
import type { SecretKind } from '../contract/state';
import type { Handlers } from './calls';
import { ControlsDesk } from './controls-desk';
import { deleteCopies, listCopies } from './copies';
import { chooseFile, chooseFolder, chooseMaterial, chooseProfiles, chooseTarget } from './dialogs';
import { forgetWorkspace, recentWorkspaces } from './recent-workspaces';
import { replacePrivate } from './private-file';
import { isInside, type Runbook } from './runbook';
import { ReportDesk } from './report-desk';
import { RunbookShelf } from './runbook-file';
import type { Session } from './session';
import { referenceOf, wayOfPath } from './source-ways';
import { WaveDesk } from './wave-desk';
import { WatchLoop } from './watch-loop';

// Chromium and Electron are there only inside Electron.
const versions: Readonly<Record<string, string | undefined>> = process.versions;

/** What is asked for that is a folder. */
const FOLDERS: Readonly<Partial<Record<CallInput<'file.choose'>['purpose'], string>>> = {
  'source-folder': 'Choose NanoMDM’s folder',
  'scep-depot': 'Choose the SCEP server’s depot',
};

const SOURCE_SECRET_NAMES: Readonly<Record<SourceSecret, string>> = {
  'source-api-key': 'API key',
  'source-password': 'source password',
  'source-key-passphrase': 'key passphrase',
  'source-ssh-passphrase': 'SSH key passphrase',
  'source-ssh-password': 'SSH password',
};

const SECRET_NAMES: Readonly<Record<Exclude<SecretKind, SourceSecretKind>, string>> = {
  'fleet-password': 'Fleet database password',
  'fleet-token': 'Fleet API token',
  'server-private-key': 'server private key',
  'scep-challenge': 'SCEP challenge',
  'proxy-token': 'mdmproxy token',
};

const SLOT_TITLES: Readonly<Record<GivenSlot, string>> = {
  ca: 'Choose the SCEP CA’s certificate and key',
  push: 'Choose the push certificate, its key and its request',
  proof: 'Choose certificates of devices',
  reply: 'Choose what Apple gave back',
  vendor: 'Choose the MDM vendor’s certificates and key',
};

const PROFILE_TITLES: Readonly<Record<ProfileSlot, string>> = {
  installed: 'Choose profiles from devices',
  base: 'Choose the profile the old server hands out',
  candidate: 'Choose the profile to check',
  anchor: 'Choose the old server’s TLS certificate',
};

const RENEWAL_TARGETS: Readonly<Record<RenewalForm, { title: string; defaultPath: string }>> = {
  profile: { title: 'Save the profile', defaultPath: 'renewal.mobileconfig' },
  base64: { title: 'Save its base64', defaultPath: 'renewal.base64.txt' },
  environment: { title: 'Save the environment line', defaultPath: 'renewal.env' },
};

function secretName(kind: SecretKind): string {
  const source = SOURCE_SECRETS.find((secret) => kind.startsWith(secret));
  if (source !== undefined) return SOURCE_SECRET_NAMES[source];
  return SECRET_NAMES[kind as Exclude<SecretKind, SourceSecretKind>];
}

export function handlersOf(session: Session, runbook: Runbook): Handlers {
  const { engine, secrets } = session;
  const shelf = new RunbookShelf(session);
  const desk = new ReportDesk(session);
  const controls = new ControlsDesk(session, runbook);
  const waves = new WaveDesk(session, runbook);
  const watch = new WatchLoop(session, runbook);
  return {
    'app.version': () => ({
      slipway: app.getVersion(),
      node: process.versions.node,
      chromium: versions['chrome'] ?? null,
      electron: versions['electron'] ?? null,
    }),
    'app.state': () => session.state(),

    'workspace.recent': () => recentWorkspaces(),
    'workspace.create': async ({ name, parent }) => {
      const folder = parent ?? (await chooseFolder('Choose where the workspace is made'));
      if (folder === null) return false;
      await session.create(folder, name);
      return true;
    },
    'workspace.open': async ({ path }) => {
      const folder = path ?? (await chooseFolder('Choose a workspace'));
      if (folder === null) return false;
      await session.open(folder);
      return true;
    },
    'workspace.close': () => session.close(),
    'workspace.forget': ({ path }) => forgetWorkspace(path),
    'workspace.save': (given) => {
      runbook.requireChosenTeamMap(given.planning?.teamMap ?? '');
      runbook.requireChosenProfile(given.cutover?.profile);
      return session.save(given);
    },

    'secret.set': async ({ kind, value, remember }) => {
      session.requireWorkspace();
      const remembered = await secrets.set(kind, value, remember);
      session.learn({});
      return { remembered };
    },
    'secret.forget': async ({ kind }) => {
      await secrets.forget(kind);
      session.learn({});
    },

    'secret.fromFile': async ({ kind }) => {
      session.requireWorkspace();
      const path = await chooseFile('secret');
      if (path === null) return false;
      await secrets.set(kind, readGivenSecret(secretName(kind), path).revealText(), false);
      session.learn({});
      return true;
    },

    'file.choose': async ({ purpose }) => {
      const folder = FOLDERS[purpose];
      const path = await (folder === undefined ? chooseFile(purpose) : chooseFolder(folder));
      if (purpose === 'journal' && path !== null) runbook.allowJournal(path);
      if (purpose === 'team-map' && path !== null) runbook.allowTeamMap(path);
      return path;
    },
    'source.fromFile': ({ path }) => {
      const way = wayOfPath(path, 1);
      return { reference: referenceOf(way), way };
    },
    'source.read': ({ reference }) => session.read(reference),
    'source.use': ({ way, alone }) => session.use(way, alone),
    'source.drop': ({ slot }) => session.drop(slot),
    'source.trustHost': ({ host, fingerprint }) => session.trustHost(host, fingerprint),
    'source.forgetHost': ({ host }) => session.forgetHost(host),
    'source.template': async ({ form }) => {
      const defaultPath = join(app.getPath('documents'), `devices.${form}`);
      const path = await chooseTarget({ title: 'Save the template', defaultPath });
      if (path === null) return null;
      await replacePrivate(path, tableTemplate(form));
      session.reveal(path);
      return { path };
    },
    'source.sample': () => session.openSample(),

    'devices.query': (query) => engine.call('query', query),
    'devices.detail': ({ id }) => {
      const { accepted } = session.requireWorkspace().settings;
      // Fleet is only asked once somebody has connected to it.
      const fleet = session.facts.fleet === null ? null : runbook.fleetAccess();
      return engine.call('detail', { id, accepted, fleet });
    },
    'devices.udids': (filter) => engine.call('udids', filter),
    'devices.export': async ({ ids, ...filter }) => {
      const path = await chooseTarget({ title: 'Save the devices', defaultPath: 'devices.csv' });
      if (path === null) return null;
      const { devices } = await engine.call('exportCsv', { filter, ids, path });
      session.reveal(path);
      return { path, devices };
    },

    'fleet.certificate': ({ host, port }) => {
      const { caFile } = session.requireWorkspace().settings.fleet;
      return engine.call('certificate', { host, port, caFile: caFile === '' ? null : caFile });
    },
    'inspect.state': () => engine.call('inspected', null),
    'inspect.add': async ({ paths }) => {
      const add = (paths ?? (await chooseMaterial())).map((one) => resolve(one));
      return add.length === 0 ? null : engine.call('inspect', { add, password: null });
    },
    'inspect.addSource': () => {
      const copy = session.requireWorkspace().progress.copy;
      if (session.facts.source === null || copy === null) {
        return refused('source/not-read', 'No source has been read yet.', 'Choose a source and read it first.');
      }
      return engine.call('inspect', { add: [copy.path], password: null });
    },
    'inspect.unlock': ({ password }) => engine.call('inspect', { add: [], password }),
    'inspect.clear': async () => {
      await engine.call('clearInspection', null);
    },
    'inspect.compare': (pair) => engine.call('compareItems', pair),
    'inspect.export': async (given) => {
      const suffix = { pem: 'pem', der: 'der', pkcs12: 'p12' }[given.format];
      const path = await chooseTarget({ title: 'Save this part', defaultPath: `part.${suffix}` });
      if (path === null) return null;
      runbook.requireOutside(path, 'inspect/inside-workspace', 'A part may be a private key');
      await engine.call('exportItem', { ...given, path });
      session.reveal(path);
      return { path };
    },
    'inspect.list': async ({ format }) => {
      const path = await chooseTarget({ title: 'Save the list', defaultPath: `certificates.${format}` });
      if (path === null) return null;
      const { items } = await engine.call('exportItems', { format, path });
      session.reveal(path);
      return { path, items };
    },

    'given.state': () => engine.call('givenFiles', null),
    'given.add': async ({ slot, paths }) => {
      session.requireWorkspace();
      const add = (paths ?? (await chooseMaterial(SLOT_TITLES[slot]))).map((one) => resolve(one));
      return add.length === 0 ? null : engine.call('giveFiles', { slot, add });
    },
    'given.unlock': ({ password }) => engine.call('unlockGiven', { password }),
    'given.clear': ({ slot }) => engine.call('clearGiven', { slot }),

    'ca.extend': (given) => runbook.extendCa(given),
    'ca.save': async () => {
      session.requireWorkspace();
      const path = await chooseTarget({ title: 'Save the extended CA', defaultPath: 'scep-ca-extended.pem' });
      if (path === null) return null;
      await engine.call('saveExtendedCa', { path });
      session.reveal(path);
      return { path };
    },
    'push.assess': (given) => engine.call('assessPush', given),
    'push.request': async (given) => {
      session.requireWorkspace();
      const folder = await chooseFolder('Choose where the request is saved');
      if (folder === null) return null;
      runbook.requireOutside(folder, 'push/inside-workspace', 'A key may lie beside the request');
      const made = await engine.call('requestPush', { ...given, folder });
      session.reveal(join(folder, made.files[0] ?? ''));
      return made;
    },
    'push.check': (given) => engine.call('checkPush', given),
    'push.use': async (given) => {
      await engine.call('usePush', given);
    },

    'renewal.state': () => engine.call('renewalBench', null),
    'renewal.add': async ({ slot, paths }) => {
      session.requireWorkspace();
      const add = (paths ?? (await chooseProfiles(PROFILE_TITLES[slot]))).map((one) => resolve(one));
      return add.length === 0 ? null : engine.call('giveProfiles', { slot, add });
    },
    'renewal.remove': (given) => engine.call('dropProfile', given),
    'renewal.make': (given) => runbook.makeRenewal(given),
    'renewal.save': async ({ form }) => {
      session.requireWorkspace();
      const path = await chooseTarget(RENEWAL_TARGETS[form]);
      if (path === null) return null;
      runbook.requireOutside(path, 'profile/inside-workspace', 'The profile holds Fleet’s SCEP challenge');
      await engine.call('saveRenewal', { form, path });
      session.reveal(path);
      return { path };
    },
    'renewal.forecast': ({ at }) => runbook.forecast(at),
    'renewal.saveForecast': async () => {
      session.requireWorkspace();
      const path = await chooseTarget({ title: 'Save who is not renewed', defaultPath: 'not-renewed.csv' });
      if (path === null) return null;
      const { devices } = await engine.call('saveForecast', { path });
      session.reveal(path);
      return { path, devices };
    },

    'assets.plan': (choice) => runbook.planAssets(choice),
    'assets.apply': (given) => runbook.applyAssets(given),
    'assets.environment': async (given) => {
      session.requireWorkspace();
      const path = await chooseTarget({ title: 'Save the environment file', defaultPath: 'fleet.env' });
      return path === null ? null : runbook.writeEnvironment(path, given);
    },
    'assets.journals': () => runbook.assetJournals(),
    'assets.undo': (given) => runbook.undoAssets(given),

    'fleet.connect': () => runbook.connect(),
    'fleet.disconnect': () => runbook.disconnect(),

    'checks.run': () => runbook.runChecks(),
    'checks.acknowledge': (given) => runbook.acknowledge(given),
    'checks.withdraw': (given) => runbook.withdraw(given),

    'plan.make': () => runbook.makePlan(),
    'plan.sql': (page) => engine.call('sqlPage', { ...page, folder: appFolders.preview() }),
    'plan.saveSql': async ({ undo }) => {
      session.requireWorkspace();
      const path = await chooseTarget({
        title: 'Save the SQL',
        defaultPath: join(app.getPath('documents'), 'import.sql'),
      });
      return path === null ? null : runbook.saveSql(path, undo);
    },

    'apply.start': (given) => runbook.apply(given),
    'apply.verify': () => runbook.verify(),
    'undo.start': (given) => runbook.undo(given),
    'job.pause': () => session.pause(true),
    'job.resume': () => session.pause(false),
    'job.cancel': () => session.cancel(),

    'controls.view': () => engine.call('controlsView', null),
    'controls.compare': (given) => controls.compare(given),
    'controls.export': async () => {
      session.requireWorkspace();
      const parent = await chooseFolder('Choose an empty folder for the profiles');
      if (parent === null) return null;
      runbook.requireOutside(parent, 'controls/inside-workspace', 'Profiles may hold secrets');
      const written = await controls.exportTo(parent);
      session.reveal(join(parent, written?.gitops ?? ''));
      return written;
    },
    'controls.prepare': (given) => controls.prepare(given),
    'controls.remove': (given) => controls.remove(given),
    'commands.chooseList': async () => {
      const path = await chooseFile('device-list');
      return path === null ? null : controls.chooseList(path);
    },
    'commands.follow': ({ journal }) => controls.follow(journal),

    'agent.view': () => controls.agentView(),
    'agent.look': () => controls.look(),
    'agent.choosePackage': async () => {
      const path = await chooseFile('package');
      if (path !== null) await controls.inspect(path);
      return path !== null;
    },
    'agent.chooseSecretFile': async () => {
      const path = await chooseFile('secret');
      if (path !== null) controls.chooseSecret(path);
      return path !== null;
    },
    'agent.ways': (wish) => controls.ways(wish),
    'agent.saveProfile': async ({ scripts }) => {
      session.requireWorkspace();
      const path = await chooseTarget({ title: 'Save the agent’s profile', defaultPath: 'fleetd-config.mobileconfig' });
      if (path === null) return null;
      await controls.saveProfile(path, scripts);
      session.reveal(path);
      return { path };
    },
    'agent.saveManifest': async () => {
      session.requireWorkspace();
      const path = await chooseTarget({ title: 'Save the manifest', defaultPath: 'manifest.plist' });
      if (path === null) return null;
      await controls.saveManifest(path);
      session.reveal(path);
      return { path };
    },
    'agent.prepare': (given) => controls.prepareRollout(given),
    'agent.install': (given) => controls.install(given),

    'cutover.view': () => engine.call('cutoverView', runbook.cutoverAccess()),
    'cutover.chooseProfile': async () => {
      session.requireWorkspace();
      const path = await chooseFile('profile');
      if (path !== null) await runbook.saveCutover({ profile: path });
      return path !== null;
    },
    'cutover.dropProfile': () => runbook.saveCutover({ profile: '' }),
    'cutover.config': () => engine.call('cutoverConfig', runbook.cutoverAccess()),
    'cutover.saveConfig': async () => {
      const { balancer, ending } = await engine.call('cutoverConfig', runbook.cutoverAccess());
      const defaultPath = ending === 'Caddyfile' ? 'Caddyfile' : `${balancer}.${ending}`;
      const path = await chooseTarget({ title: 'Save the configuration', defaultPath });
      if (path === null) return null;
      await engine.call('saveCutover', { ...runbook.cutoverAccess(), path });
      session.reveal(path);
      return { path };
    },
    'cutover.dns': () => engine.call('cutoverDns', runbook.cutoverAccess()),
    'cutover.probe': () => runbook.probe(),

    'waves.look': () => waves.look(),
    'waves.saveLadder': (given) => waves.save(given),
    'waves.prepare': ({ rung }) => waves.prepare(rung),
    'waves.leave': () => waves.leave(),
    'waves.move': (given) => waves.move(given),
    'waves.prepareBack': (given) => waves.prepareBack(given),
    'waves.back': (given) => waves.back(given),
    'waves.set': (given) => waves.set(given),
    'waves.wake': (given) => waves.wake(given),
    'waves.config': (draft) => waves.config(draft, null),
    'waves.saveConfig': async (draft) => {
      const path = await chooseTarget({ title: 'Save HAProxy’s configuration', defaultPath: 'haproxy.cfg' });
      if (path === null) return null;
      await waves.config(draft, path);
      session.reveal(path);
      return { path };
    },

    'runbook.view': () => shelf.view(),
    'runbook.tick': ({ id, by, note }) => shelf.tick(id, by, note),
    'runbook.untick': ({ id }) => shelf.untick(id),
    'runbook.takeOver': async () => {
      const path = await chooseFile('runbook');
      if (path !== null) await shelf.takeOver(path);
      return path !== null;
    },
    'runbook.save': async () => {
      const html = await shelf.html();
      const path = await chooseTarget({ title: 'Save the runbook', defaultPath: 'runbook.html' });
      if (path === null) return null;
      await replacePrivate(path, html);
      session.reveal(path);
      return { path };
    },

    'watch.start': () => watch.start(),
    'watch.stop': () => watch.stop(),
    'watch.now': () => watch.now(),
    'watch.series': () => engine.call('watchSeries', { path: watch.seriesPath() }),
    'watch.health': () => engine.call('health', { fleet: watch.requireFleet() }),

    'report.view': () => engine.call('reportView', desk.access()),
    'report.account': ({ devices, by, note }) => desk.account(devices, by, note),
    'report.withdraw': ({ device }) => desk.withdraw(device),
    'report.takeAccounts': async () => {
      const path = await chooseFile('accounts');
      return path === null ? null : { devices: await desk.takeAccounts(path) };
    },
    'report.backUp': async () => {
      session.requireIdle();
      const folder = await chooseFolder('Choose where the backup is kept');
      return folder === null ? null : desk.backUp(folder);
    },
    'report.write': async () => {
      const day = new Date().toISOString().slice(0, 10);
      const defaultPath = join(session.requireWorkspace().folder('reports'), `report-${day}`);
      const folder = await chooseTarget({ title: 'Name the report’s folder', defaultPath });
      if (folder === null) return null;
      const written = await desk.write(folder);
      session.reveal(join(folder, 'report.html'));
      return written;
    },

    'journal.list': () => engine.call('journals', { folder: session.requireWorkspace().folder('journals') }),
    'journal.read': ({ path, offset, limit }) =>
      engine.call('journalPage', { path: runbook.requireJournal(path), offset, limit }),

    'copies.list': () => listCopies(),
    'copies.delete': () => {
      session.requireIdle();
      return deleteCopies();
    },

    // It may be pasted into a terminal, which acts on what nobody can see.
    'clipboard.write': ({ text }) => clipboard.writeText(shownText(text)),
    'file.reveal': ({ path }) => {
      const asked = resolve(path);
      const mine = isInside(asked, session.requireWorkspace().path) || isInside(asked, appFolders.copies());
      if (!mine && !session.mayReveal(asked)) {
        refused('file/elsewhere', 'That is no file of this workspace.', 'Look for it in the file manager yourself.');
      }
      shell.showItemInFolder(asked);
    },
  };
}
