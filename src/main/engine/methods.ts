/** The engine's methods, by name: the other end of `protocol`. */
import { showServerCertificate } from '../../core/fleet/server-certificate';
import { replacePrivate } from '../private-file';
import { AgentWork } from './agent-work';
import { appliedAssets, plannedAssets, undoneAssets, writtenEnvironment } from './asset-writing';
import { devicesOf, followed } from './command-sending';
import { ControlsWork } from './controls-work';
import { cutoverConfig, cutoverDns, cutoverView, probed, savedConfig } from './cutover-work';
import { csvOf } from './device-csv';
import { fleetSummaryOf, sampleFleetSummary } from './fleet-summary';
import { GivenFiles } from './given-files';
import { InspectionBench } from './inspection-bench';
import { JournalShelf } from './journal-shelf';
import { writePlanSql } from './migration-sql';
import { openedPlan, planOf } from './planning';
import { checkRowsOf, preflight } from './preflight';
import type { EngineInput, EngineMethod, EngineOutput } from './protocol';
import { RenewalAuthority } from './renewal-authority';
import { SilentRenewal } from './silent-renewal';
import { addedToReport, backedUp, reportView, writtenReport } from './reporting';
import { SqlPreview } from './sql-preview';
import { Watching } from './watching';
import { WaveWork } from './wave-work';
import type { Task, Workbench } from './workbench';
import { applied, undone, verified } from './writing';

export type Methods = {
  readonly [M in EngineMethod]: (input: EngineInput<M>, task: Task) => EngineOutput<M> | Promise<EngineOutput<M>>;
};

export function methodsOf(bench: Workbench): Methods {
  const preview = new SqlPreview(bench);
  const journals = new JournalShelf();
  const inspections = new InspectionBench();
  const given = new GivenFiles();
  const authority = new RenewalAuthority(bench, given);
  const renewal = new SilentRenewal(bench);
  const watching = new Watching(bench);
  const waves = new WaveWork(bench);
  const controls = new ControlsWork(bench);
  const agent = new AgentWork(bench);
  return {
    read: async (input, task) => {
      const before = scepCaOf(bench);
      const answer = await bench.read(input, task);
      // What was made from another CA is none of this source's.
      if (before !== scepCaOf(bench)) given.dropMade('ca');
      authority.forget();
      renewal.sourceChanged();
      return answer;
    },
    forget: async () => {
      await preview.close();
      inspections.clear();
      given.forget();
      authority.forget();
      renewal.forget();
      await watching.forget();
      waves.forget();
      return bench.forget();
    },
    query: (input) => bench.index().page(input),
    detail: (input) => bench.detail(input, (udid) => watching.story(udid, input.fleet)),
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
    planAssets: (input) => plannedAssets(bench, given, input),
    applyAssets: (input) => appliedAssets(bench, given, input),
    writeEnvironment: (input) => writtenEnvironment(bench, given, input),
    giveFiles: (input) => given.add(input),
    givenFiles: () => given.shown(),
    unlockGiven: (input) => given.unlock(input),
    clearGiven: (input) => given.clear(input),
    extendCa: (input, task) => authority.extend(input, task),
    saveExtendedCa: (input) => authority.saveExtended(input),
    assessPush: (input) => authority.assess(input),
    requestPush: (input) => authority.request(input),
    checkPush: (input) => authority.check(input),
    usePush: (input) => authority.use(input),
    renewalBench: () => renewal.shown(),
    giveProfiles: (input) => renewal.give(input),
    dropProfile: (input) => renewal.remove(input),
    makeRenewal: (input) => renewal.make(input),
    saveRenewal: (input) => renewal.save(input),
    forecastRenewals: (input) => renewal.forecast(input),
    saveForecast: (input) => renewal.saveForecast(input),
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
    wavesView: (input) => waves.view(input),
    waveRoutes: (input) => waves.routes(input),
    saveLadder: (input) => waves.save(input),
    prepareWave: (input, task) => waves.prepare(input, task),
    moveWave: (input, task) => waves.move(input, task),
    prepareBack: (input, task) => waves.prepareBack(input, task),
    goBack: (input) => waves.back(input),
    setRoutes: (input) => waves.setRoutes(input),
    wakeWave: (input, task) => waves.wake(input, task),
    saveWaveConfig: (input) => waves.config(input),
    undo: (input, task) => undone(bench, input, task),
    reportView: (input) => reportView(bench, watching, input),
    writeReport: (input) => writtenReport(bench, watching, input),
    addToReport: (input) => addedToReport(input),
    backUp: (input, task) => backedUp(bench, input, task),
    controlsView: () => controls.view(),
    compareControls: (input, task) => controls.compare(input, task),
    exportControls: (input) => controls.exportTo(input),
    prepareRemoval: (input) => controls.prepare(input),
    sendRemoval: (input, task) => controls.remove(input, task),
    countList: ({ list }) => ({ devices: devicesOf(bench, 'list', list).size }),
    followCommands: (input) => followed(input),
    agentView: (input) => agent.view(input),
    lookForAgent: (input, task) => agent.look(input, task),
    inspectPackage: (input) => agent.inspect(input),
    agentWays: (input) => agent.ways(input),
    saveAgentProfile: (input) => agent.saveProfile(input),
    saveManifest: (input) => agent.saveManifest(input),
    prepareRollout: (input) => agent.prepare(input),
    sendRollout: (input, task) => agent.install(input, task),
    cutoverView: (input) => cutoverView(bench, input),
    cutoverConfig: (input) => cutoverConfig(bench, input),
    saveCutover: (input) => savedConfig(bench, input),
    cutoverDns: (input) => cutoverDns(bench, input),
    probe: (input) => probed(bench, input),
    poll: (input) => watching.poll(input),
    stopWatching: () => watching.stop(),
    watchSeries: (input) => watching.series(input),
    health: (input) => watching.health(input),
    journals: ({ folder }) => journals.list(folder),
    journalPage: ({ path, offset, limit }) => journals.page(path, offset, limit),
  };
}

function scepCaOf({ source }: Workbench): string | null {
  return source?.snapshot.scepCa?.der.toString('base64') ?? null;
}
