/** One cell of the simulated week, on a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads'
import { Cell, type CellOptions } from '../src/simulator/week/cell.ts'

const { presence, ...week } = new Cell(workerData as CellOptions).run()
parentPort!.postMessage({ ...week, presence: presence.bins() })
