/** The forge of each way that is told at a moment. */

import * as leases from './forged-leases.ts'
import * as messages from './forged-messages.ts'
import * as stewardship from './forged-stewardship.ts'
import * as verdicts from './forged-verdicts.ts'
import type { Forger } from './forger.ts'
import type { ToldWay } from './ways.ts'

/** Signs and says what belongs to the lie. Returns false when it cannot be told now. */
export const forges: Readonly<Record<ToldWay, (forger: Forger) => boolean>> = {
  'verdict-without-receipts': verdicts.verdictWithoutReceipts,
  'verdict-of-accomplices': verdicts.verdictOfAccomplices,
  'verdict-leaving-out-contradictions': verdicts.verdictLeavingOutContradictions,
  'verdict-misquoting-receipts': verdicts.verdictMisquotingReceipts,
  'verdict-against-honest-owners': verdicts.verdictAgainstHonestOwners,
  'verdict-recomputed-wrongly': verdicts.verdictRecomputedWrongly,
  'verdict-failed-for-nothing': verdicts.verdictFailedForNothing,
  'verdict-settling-honest-ones': verdicts.verdictSettlingHonestOnes,
  'verdict-after-the-end': verdicts.verdictAfterTheEnd,
  'end-complete': verdicts.endComplete,
  'end-failed': verdicts.endFailed,
  'end-cancelled': verdicts.endCancelled,
  'lease-above-the-cap': leases.leaseAboveTheCap,
  'lease-beyond-units': leases.leaseBeyondUnits,
  'lease-beyond-allowance': leases.leaseBeyondAllowance,
  'lease-beyond-the-shard-list': leases.leaseBeyondTheShardList,
  'lease-undrawn': leases.leaseUndrawn,
  'lease-of-another-owner': leases.leaseOfAnotherOwner,
  'lease-for-honest-work': leases.leaseForHonestWork,
  'draw-among-accomplices': leases.drawAmongAccomplices,
  'draw-picked': leases.drawPicked,
  'draw-of-a-wrong-root': leases.drawOfAWrongRoot,
  'draw-from-a-missing-list': leases.drawFromAMissingList,
  'draw-from-an-impossible-change': leases.drawFromAnImpossibleChange,
  'draw-used-twice': leases.drawUsedTwice,
  'draw-narrowed': leases.drawNarrowed,
  'window-of-lies': verdicts.windowOfLies,
  'handover-to-honest-node': stewardship.handoverToHonestNode,
  'handover-to-accomplice': stewardship.handoverToAccomplice,
  'handovers-in-numbers': stewardship.handoversInNumbers,
  'holding-of-everything': stewardship.holdingOfEverything,
  'holding-of-nothing': stewardship.holdingOfNothing,
  'gift-without-money': stewardship.giftWithoutMoney,
  'write-off-of-others': stewardship.writeOffOfOthers,
  'contradictory-records': stewardship.contradictoryRecords,
  flood: stewardship.flood,
  'says-ended': messages.saysEnded,
  'withdraws-leases': messages.withdrawsLeases,
  'adopts-vehicles': messages.adoptsVehicles,
  'compares-without-end': messages.comparesWithoutEnd,
  'statement-of-lies': messages.statementOfLies,
}
