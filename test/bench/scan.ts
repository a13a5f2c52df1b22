/** Reads every entry of a Bolt file and says how many there were. Bundled and run by scripts/soak.mjs. */
import { openBolt } from '../../src/core/bolt';

const [, , path = ''] = process.argv;
const bolt = openBolt(path);
let entries = 0;
let bytes = 0;
const damage: string[] = [];
for (const name of bolt.bucketNames()) {
  const bucket = bolt.bucket(name);
  if (bucket === null) continue;
  for (const { key, value } of bucket.entries()) {
    entries += 1;
    bytes += key.length + value.length;
  }
  damage.push(...bucket.damage.map(({ code }) => code));
}
bolt.close();
console.log(JSON.stringify({ entries, bytes, damage }));
