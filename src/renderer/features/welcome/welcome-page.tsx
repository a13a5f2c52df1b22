/** What is seen until the first step of a migration has a screen of its own. */
import { VersionLine } from './version-line';
import './welcome-page.css';

const COMMANDS = [
  { name: 'read', does: 'Look into a MicroMDM or NanoMDM database: devices, certificates, profiles, oddities.' },
  { name: 'check', does: 'Judge whether each device can move, and what has to be done first.' },
  { name: 'plan', does: 'Compare with Fleet and decide, device by device, what will be written.' },
  { name: 'apply', does: 'Write exactly that, in transactions, and read it back.' },
] as const;

export function WelcomePage(): React.JSX.Element {
  return (
    <div className="welcome">
      <main className="welcome-body">
        <h1>Slipway</h1>
        <p className="welcome-lead">
          Moves Apple devices from MicroMDM or NanoMDM to Fleet. No device enrols again, and nobody has to touch one.
        </p>
        <section className="welcome-card" aria-labelledby="command-line">
          <h2 id="command-line">For now, the command line does the work</h2>
          <p>
            Run <code>slipway --help</code>, or <code>node out/cli/index.js --help</code> in a checkout.
          </p>
          <dl className="welcome-commands">
            {COMMANDS.map(({ name, does }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      </main>
      <VersionLine />
    </div>
  );
}
