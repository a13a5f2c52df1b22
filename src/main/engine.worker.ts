/** The engine's thread: everything that takes long happens here, so that main always answers and the window never freezes. */
import { parentPort } from 'node:worker_threads';
import { serve } from './engine/serving';

if (parentPort === null) throw new Error('This file is the body of a worker thread.');
serve(parentPort);
