/** The engine's methods, by name: the other end of `protocol`. */
import { showServerCertificate } from '../../core/fleet/server-certificate';
import { replacePrivate } from '../private-file';
import { appliedAssets, plannedAssets, undoneAssets } from './asset-writing';
import { csvOf } from './device-csv';
import { fleetSummaryOf, sampleFleetSummary } from './fleet-summary';
import { InspectionBench } from './inspection-bench';
import { JournalShelf } from './journal-story';
import { writePlanSql } from './migration-sql';
import { openedPlan, planOf } from './planning';
import { checkRowsOf, preflight } from './preflight';
import type { EngineInput, EngineMethod, EngineOutput } from './protocol';
import { SqlPreview } from './sql-preview';
import type { Task, Workbench } from './workbench';
import { applied, undone, verified } from './writing';

export type Methods = {
  readonly [M in EngineMethod]: (input: EngineInput<M>, task: Task) => EngineOutput<M> | Promise<EngineOutput<M>>;
};

export function methodsOf(bench: Workbench): Methods {
  const preview = new SqlPreview(bench);
  const journals = new JournalShelf();
  const inspections = new InspectionBench();
  return {
    read: (input, task) => bench.read(input, task),
    forget: async () => {
      await preview.close();
      inspections.clear();
      return bench.forget();
    },
    query: (input) => bench.index().page(input),
    detail: (input) => bench.detail(input),
    udids: (filter) => [...bench.index().matching(filter)].flatMap(({ udid }) => udid ?? []),
    exportCsv: async ({ filter, ids, path }) => {
      const chosen = ids === null ? null : new Set(ids);
      const matching = [...bench.index().matching(filter)];
      const { text, devices } = csvOf(chosen === null ? matching : matching.filter(({ id }) => chosen.has(id)));
      await replacePrivate(path, text);
      return { devices };
    },
    inspect: (input) => inspections.inspect(input),
    inspected: () => inspections.current(),
    clearInspection: () => inspections.clear(),
    compareItems: (input) => inspections.compare(input),
    exportItem: (input) => inspections.exportPart(input),
    exportItems: (input) => inspections.exportList(input),
    planAssets: (input) => plannedAssets(bench, input),
    applyAssets: (input) => appliedAssets(bench, input),
    undoAssets: (input) => undoneAssets(bench, input),
    certificate: ({ host, port, caFile }) => showServerCertificate({ host, port, caFile }),
    connect: ({ fleet }) =>
      fleet.kind === 'sample' ? sampleFleetSummary(bench.sampleFleet()) : bench.link.read(fleet, fleetSummaryOf),
    disconnect: async () => {
      await bench.link.close();
      return null;
    },
    check: async (access) => {
      const { snapshot, judgement, at, sample } = bench.requireSource();
      // The sample is judged as of its own time, anything else as of now.
      return checkRowsOf(await preflight(bench.link, access, { snapshot, judgement, at: sample ? at : Date.now() }));
    },
    plan: (input, task) => planOf(bench, input, task.onProgress),
    openPlan: ({ path }) => openedPlan(bench, path),
    sqlPage: (input) => preview.page(input),
    saveSql: async ({ path, undoPath }, task) => {
      const { devices } = await writePlanSql(bench, path, false, {
        overwrite: true,
        onProgress: task.onProgress,
        ...(undoPath === null ? {} : { undoPath }),
      });
      return { devices };
    },
    apply: (input, task) => applied(bench, input, task),
    verify: (input, task) => verified(bench, input, task),
    undo: (input, task) => undone(bench, input, task),
    journals: ({ folder }) => journals.list(folder),
    journalPage: ({ path, offset, limit }) => journals.page(path, offset, limit),
  };
}
