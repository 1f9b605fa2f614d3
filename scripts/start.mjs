// `npm start`: the reference case, played on the embedded target.
import { buildWhenStale } from './build.mjs';

await buildWhenStale();
const { play } = await import('../dist/demo/play.js');
await play();
