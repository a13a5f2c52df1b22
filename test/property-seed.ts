/**
 * The examples of property tests: the same ones in every `npm test`, so that it says of one commit the same twice, and
 * new ones in every `npm run soak`. SLIPWAY_SEED=N gives the ones of a run that failed.
 */
import fc from 'fast-check';

const soak = process.env['SLIPWAY_SOAK'] === '1';
const asked = Number(process.env['SLIPWAY_SEED']);
const seed = Number.isInteger(asked) && asked !== 0 ? asked : soak ? Date.now() % 2 ** 31 : 20_261_124;

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
