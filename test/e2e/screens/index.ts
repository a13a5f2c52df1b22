/** The screens as a person finds them: by role and name. A changed label is changed here, once. */
import type { Page } from '@playwright/test';
import { ApplyRoute } from './apply';
import { ChecksRoute } from './checks';
import { DevicesRoute } from './devices';
import { FleetRoute } from './fleet';
import { FrameRoute } from './frame';
import { PlanRoute } from './plan';
import { SourceRoute } from './source';
import { WelcomeRoute } from './welcome';

export function screensOf(page: Page): Screens {
  const frame = new FrameRoute(page);
  return {
    frame,
    welcome: new WelcomeRoute(page),
    source: new SourceRoute(frame),
    fleet: new FleetRoute(frame),
    checks: new ChecksRoute(frame),
    plan: new PlanRoute(frame),
    apply: new ApplyRoute(frame),
    devices: new DevicesRoute(frame),
  };
}

export interface Screens {
  readonly frame: FrameRoute;
  readonly welcome: WelcomeRoute;
  readonly source: SourceRoute;
  readonly fleet: FleetRoute;
  readonly checks: ChecksRoute;
  readonly plan: PlanRoute;
  readonly apply: ApplyRoute;
  readonly devices: DevicesRoute;
}
