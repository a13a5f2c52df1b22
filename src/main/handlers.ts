/** The window's calls, answered: each a line or two over session and runbook. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { app, clipboard, shell } from 'electron';
import { refused } from '../core/failure';
import { printSource } from '../core/sources';
import { appFolders } from './app-folders';
import type { Handlers } from './calls';
import { deleteCopies, listCopies } from './copies';
import { chooseMaterial, chooseFile, chooseFolder, chooseTarget } from './dialogs';
import { forgetWorkspace, recentWorkspaces } from './recent-workspaces';
import { isInside, type Runbook } from './runbook';
import type { Session } from './session';

// Chromium and Electron are there only inside Electron.
const versions: Readonly<Record<string, string | undefined>> = process.versions;

export function handlersOf(session: Session, runbook: Runbook): Handlers {
  const { engine, secrets } = session;
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

    'file.choose': async ({ purpose }) => {
      const path = await chooseFile(purpose);
      if (purpose === 'journal' && path !== null) runbook.allowJournal(path);
      if (purpose === 'team-map' && path !== null) runbook.allowTeamMap(path);
      return path;
    },
    'source.fromFile': ({ path }) => {
      const location = resolve(path);
      if (path === '' || !existsSync(location)) {
        refused('source/no-file', 'What was dropped is no file on this machine.', 'Drop the database file itself.');
      }
      return { reference: printSource({ kind: 'micromdm', transport: 'file', location }) };
    },
    'source.read': ({ reference }) => session.read(reference),
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

    'assets.plan': () => runbook.planAssets(),
    'assets.apply': (given) => runbook.applyAssets(given),
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

    'journal.list': () => engine.call('journals', { folder: session.requireWorkspace().folder('journals') }),
    'journal.read': ({ path, offset, limit }) =>
      engine.call('journalPage', { path: runbook.requireJournal(path), offset, limit }),

    'copies.list': () => listCopies(),
    'copies.delete': () => {
      session.requireIdle();
      return deleteCopies();
    },

    'clipboard.write': ({ text }) => clipboard.writeText(text),
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
