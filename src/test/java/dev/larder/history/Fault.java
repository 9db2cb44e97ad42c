package dev.larder.history;

import static dev.larder.history.LegalHistories.MILLI;
import static dev.larder.history.Tables.NEVER;

import dev.larder.history.Answer.Seen;
import dev.larder.history.History.Built;
import dev.larder.history.History.Sample;
import dev.larder.history.Violation.CameBack;
import dev.larder.history.Violation.EndForgotten;
import dev.larder.history.Violation.EndedUnasked;
import dev.larder.history.Violation.HandedOutUnfit;
import dev.larder.history.Violation.HeldTwice;
import dev.larder.history.Violation.KeyAnsweredTwice;
import dev.larder.history.Violation.KeyForgotten;
import dev.larder.history.Violation.KeyRefusedWrongly;
import dev.larder.history.Violation.KeyServedAnother;
import dev.larder.history.Violation.Leaked;
import dev.larder.history.Violation.Lost;
import dev.larder.history.Violation.MissedWrongly;
import dev.larder.history.Violation.NobodyAsked;
import dev.larder.history.Violation.Overfilled;
import dev.larder.history.Violation.RemovedWhileHeld;
import dev.larder.history.Violation.TakenThoughRefused;
import dev.larder.history.Violation.ToldOtherwise;
import dev.larder.history.Violation.Unexpected;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** What a broken Larder might do: how a history would look then, and as what the checker has to find it. */
enum Fault {
    TWO_CLAIMS_GET_ONE_WORKSPACE(HeldTwice.class) {
        @Override
        boolean plant(Draft draft) {
            List<Tables.Claim> two = draft.claims.stream()
                    .filter(claim ->
                            claim.ended() == NEVER && acknowledged(draft, claim).isPresent())
                    .limit(2)
                    .toList();
            if (two.size() < 2) {
                return false;
            }
            UUID one = two.getFirst().workspace();
            draft.tell(two.get(1).id(), seen -> with(seen, one));
            draft.keep(two.get(1), claim -> with(claim, one));
            return true;
        }
    },
    TWO_CLAIMS_ARE_TOLD_ONE_WORKSPACE(HeldTwice.class) {
        @Override
        boolean plant(Draft draft) {
            List<Tables.Claim> two = draft.claims.stream()
                    .filter(claim -> acknowledged(draft, claim).isPresent() && neverReleased(draft, claim))
                    .limit(2)
                    .toList();
            if (two.size() < 2) {
                return false;
            }
            draft.tell(two.get(1).id(), seen -> with(seen, two.getFirst().workspace()));
            return true;
        }
    },
    A_CLAIM_NOBODY_WAS_TOLD_OF_HAS_ANOTHERS_WORKSPACE(HeldTwice.class) {
        @Override
        boolean plant(Draft draft) {
            return draft.claims.stream()
                    .filter(claim -> claim.ended() == NEVER)
                    .findFirst()
                    .map(claim -> draft.claims.add(new Tables.Claim(
                            id(),
                            claim.user(),
                            claim.workspace(),
                            claim.preset(),
                            "warm",
                            null,
                            claim.created() + 1,
                            NEVER,
                            "")))
                    .isPresent();
        }
    },
    AN_ACKNOWLEDGED_CLAIM_IS_LOST(Lost.class) {
        @Override
        boolean plant(Draft draft) {
            return draft.claims.stream()
                    .filter(claim -> acknowledged(draft, claim).isPresent())
                    .findFirst()
                    .map(draft.claims::remove)
                    .isPresent();
        }
    },
    A_CLAIM_IS_KEPT_FOR_ANOTHER_USER(ToldOtherwise.class) {
        @Override
        boolean plant(Draft draft) {
            return keep(draft, claim -> with(claim, claim.workspace(), id(), claim.ended(), claim.reason()));
        }
    },
    A_CLAIM_IS_KEPT_WITH_ANOTHER_WORKSPACE(ToldOtherwise.class) {
        @Override
        boolean plant(Draft draft) {
            return keep(draft, claim -> with(claim, id()));
        }
    },
    THE_OUTPUTS_OPEN_ANOTHERS_WORKSPACE(ToldOtherwise.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(draft, granted(draft).filter(event -> seen(event).active()), event -> {
                Seen seen = seen(event);
                return shown(new Seen(
                        seen.claim(), seen.status(), seen.path(), seen.workspace(), seen.workspaceStatus(), id()));
            });
        }
    },
    A_REPEATED_KEY_GETS_A_SECOND_CLAIM(KeyAnsweredTwice.class) {
        @Override
        boolean plant(Draft draft) {
            Optional<Event> repeated = replayed(draft).findFirst();
            repeated.ifPresent(event -> {
                Tables.Claim first = draft.claims.stream()
                        .filter(claim -> claim.id().equals(seen(event).claim()))
                        .findFirst()
                        .orElseThrow();
                UUID second = id();
                UUID workspace = id();
                draft.claims.add(new Tables.Claim(
                        second,
                        first.user(),
                        workspace,
                        first.preset(),
                        "cold",
                        first.key(),
                        event.called(),
                        NEVER,
                        ""));
                draft.workspaces.add(
                        new Tables.Workspace(workspace, first.preset(), first.user(), false, event.called()));
                draft.answer(event, shown(new Seen(second, "active", "cold", workspace, "ready", null)));
            });
            return repeated.isPresent();
        }
    },
    A_KEY_MAKES_A_SECOND_CLAIM_THAT_NOBODY_IS_TOLD_OF(KeyAnsweredTwice.class) {
        @Override
        boolean plant(Draft draft) {
            return draft.claims.stream()
                    .filter(claim ->
                            claim.key() != null && acknowledged(draft, claim).isPresent())
                    .findFirst()
                    .map(claim -> draft.claims.add(new Tables.Claim(
                            id(), claim.user(), id(), claim.preset(), "cold", claim.key(), claim.created(), NEVER, "")))
                    .isPresent();
        }
    },
    ANOTHER_REQUEST_UNDER_THE_KEY_IS_SERVED(KeyServedAnother.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(
                    draft,
                    draft.events.stream()
                            .filter(event ->
                                    event.answer() instanceof Answer.Refused(var status, var code) && status == 422)
                            .filter(event -> granted(draft).anyMatch(other -> sameKey(other, event))),
                    event -> granted(draft)
                            .filter(other -> sameKey(other, event))
                            .findFirst()
                            .orElseThrow()
                            .answer());
        }
    },
    A_KEY_IS_FORGOTTEN(KeyForgotten.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(
                    draft,
                    replayed(draft).filter(event -> grantedBefore(draft, event)),
                    event -> new Answer.Refused(409, "no_claimable_workspace"));
        }
    },
    ANOTHER_REQUEST_UNDER_A_KEY_IS_JUDGED_BY_THE_STOCK(KeyForgotten.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(
                    draft,
                    draft.events.stream()
                            .filter(event ->
                                    event.answer() instanceof Answer.Refused(var status, var code) && status == 422)
                            .filter(event -> grantedBefore(draft, event)),
                    event -> new Answer.Refused(409, "no_claimable_workspace"));
        }
    },
    A_NEW_KEY_IS_REFUSED_AS_REUSED(KeyRefusedWrongly.class) {
        @Override
        boolean plant(Draft draft) {
            Optional<Event> alone = granted(draft)
                    .filter(event -> draft.events.stream()
                                    .filter(other -> sameKey(other, event))
                                    .count()
                            == 1)
                    .findFirst();
            alone.ifPresent(event -> draft.answer(event, new Answer.Refused(422, "idempotency_key_reused")));
            return alone.isPresent();
        }
    },
    A_REFUSED_CLAIM_IS_TAKEN(TakenThoughRefused.class) {
        @Override
        boolean plant(Draft draft) {
            // Its only answer becomes a refusal; the claim stays in the database.
            return answer(
                    draft,
                    granted(draft)
                            .filter(event -> draft.events.stream()
                                            .filter(other -> sameKey(other, event))
                                            .count()
                                    == 1),
                    event -> new Answer.Refused(409, "no_claimable_workspace"));
        }
    },
    A_CLAIM_APPEARS_UNDER_A_KEY_THAT_NOBODY_USED(NobodyAsked.class) {
        @Override
        boolean plant(Draft draft) {
            Tables.Claim first = draft.claims.getFirst();
            return draft.claims.add(new Tables.Claim(
                    id(), first.user(), id(), first.preset(), "cold", "unused", first.created(), NEVER, ""));
        }
    },
    CLAIMS_APPEAR_THAT_NO_LOST_CALL_EXPLAINS(NobodyAsked.class) {
        @Override
        boolean plant(Draft draft) {
            Tables.Claim first = draft.claims.getFirst();
            long lost = draft.events.stream()
                    .filter(event -> event.answer() instanceof Answer.Unknown)
                    .count();
            for (int one = 0; one <= lost; one++) {
                draft.claims.add(new Tables.Claim(
                        id(), first.user(), id(), first.preset(), "cold", null, first.created(), NEVER, ""));
            }
            return true;
        }
    },
    A_RELEASED_CLAIM_IS_ACTIVE_AGAIN(CameBack.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(
                    draft,
                    draft.events.stream()
                            .filter(event -> event.call() instanceof Call.Look
                                    && event.answer() instanceof Answer.Shown
                                    && !seen(event).active()
                                    && releasedBefore(draft, event)),
                    event -> {
                        Seen seen = seen(event);
                        return shown(new Seen(seen.claim(), "active", seen.path(), seen.workspace(), "ready", null));
                    });
        }
    },
    AN_ACKNOWLEDGED_RELEASE_IS_LOST(EndForgotten.class) {
        @Override
        boolean plant(Draft draft) {
            return draft.claims.stream()
                    .filter(claim -> claim.ended() != NEVER
                            && acknowledged(draft, claim).isPresent()
                            && draft.events.stream().anyMatch(event -> released(event, claim.id())))
                    .findFirst()
                    .map(claim -> {
                        draft.keep(claim, one -> with(one, one.workspace(), one.user(), NEVER, ""));
                        return claim;
                    })
                    .isPresent();
        }
    },
    A_CLAIM_ENDS_BY_ITSELF(EndedUnasked.class) {
        @Override
        boolean plant(Draft draft) {
            return draft.claims.stream()
                    .filter(claim -> neverReleased(draft, claim))
                    .findFirst()
                    .map(claim -> {
                        draft.keep(
                                claim,
                                one -> with(one, one.workspace(), one.user(), one.created() + 100 * MILLI, "released"));
                        return claim;
                    })
                    .isPresent();
        }
    },
    AN_EXPIRED_ONE_IS_HANDED_OUT(HandedOutUnfit.class) {
        @Override
        boolean plant(Draft draft) {
            List<Tables.Preset> expiring = draft.presets.stream()
                    .filter(preset -> preset.ttl() != NEVER)
                    .toList();
            return draft.claims.stream()
                    .filter(claim -> claim.path().equals("warm"))
                    .filter(claim -> claim.preset().equals(expiring.getFirst().id()))
                    .findFirst()
                    .map(claim -> created(
                            draft, claim, claim.created() - expiring.getFirst().ttl() - 20 * MILLI))
                    .isPresent();
        }
    },
    AN_INVALIDATED_ONE_IS_HANDED_OUT(HandedOutUnfit.class) {
        @Override
        boolean plant(Draft draft) {
            for (Event event : List.copyOf(draft.events)) {
                if (event.call() instanceof Call.Invalidate(var preset) && event.answer() instanceof Answer.Done) {
                    Optional<Tables.Claim> later = draft.claims.stream()
                            .filter(claim -> claim.path().equals("warm")
                                    && claim.preset().equals(preset))
                            .filter(claim -> firstCall(draft, claim) > event.answered())
                            .findFirst();
                    if (later.isPresent()) {
                        return created(draft, later.get(), event.called() - 20 * MILLI);
                    }
                }
            }
            return false;
        }
    },
    ONE_IS_HANDED_OUT_BEFORE_IT_IS_READY(HandedOutUnfit.class) {
        @Override
        boolean plant(Draft draft) {
            return granted(draft)
                    .filter(event -> seen(event).active() && seen(event).path().equals("warm"))
                    .findFirst()
                    .map(event -> {
                        draft.built.removeIf(
                                built -> built.workspace().equals(seen(event).workspace()));
                        // Later than any answer that may have shown it first.
                        long end = draft.events.stream()
                                .mapToLong(Event::answered)
                                .max()
                                .orElseThrow();
                        return draft.built.add(new Built(workspace(event), end + MILLI, end + 2 * MILLI));
                    })
                    .isPresent();
        }
    },
    THE_RECONCILER_DELETES_A_CLAIMED_ONE(RemovedWhileHeld.class) {
        @Override
        boolean plant(Draft draft) {
            Tables.Claim claim = draft.claims.getFirst();
            return draft.removals.add(new Tables.Removal(claim.workspace(), true, "expired", claim.created() + MILLI));
        }
    },
    A_HELD_ONE_IS_DELETED_AS_IF_RELEASED(RemovedWhileHeld.class) {
        @Override
        boolean plant(Draft draft) {
            return draft.claims.stream()
                    .filter(claim -> claim.ended() == NEVER)
                    .findFirst()
                    .map(claim -> draft.removals.add(
                            new Tables.Removal(claim.workspace(), false, "released", claim.created() + MILLI)))
                    .isPresent();
        }
    },
    A_HELD_ONE_IS_SEEN_BEING_DELETED(RemovedWhileHeld.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(draft, granted(draft).filter(event -> seen(event).active()), event -> {
                Seen seen = seen(event);
                return shown(new Seen(
                        seen.claim(), "active", seen.path(), seen.workspace(), "delete_running", seen.opened()));
            });
        }
    },
    A_POOL_HOLDS_ONE_TOO_MANY(Overfilled.class) {
        @Override
        boolean plant(Draft draft) {
            Tables.Preset preset = draft.presets.getFirst();
            return draft.samples.add(new Sample(preset.id(), preset.instances() + 1, 1));
        }
    },
    NONE_IN_STOCK_IS_SAID_OF_A_FULL_POOL(MissedWrongly.class) {
        @Override
        boolean plant(Draft draft) {
            // Before anybody has taken one, and after all are ready.
            return draft.events.add(new Event(
                    99,
                    id(),
                    new Call.Claim("missed", new Call.Request("p0", "fail")),
                    new Answer.Refused(409, "no_claimable_workspace"),
                    LegalHistories.QUIET,
                    LegalHistories.QUIET + MILLI));
        }
    },
    A_STRANGER_SEES_A_CLAIM(Leaked.class) {
        @Override
        boolean plant(Draft draft) {
            return granted(draft)
                    .findFirst()
                    .map(event -> draft.events.add(new Event(
                            99,
                            id(),
                            new Call.Look(seen(event).claim()),
                            event.answer(),
                            event.answered() + 1,
                            event.answered() + 2)))
                    .isPresent();
        }
    },
    A_STRANGER_RELEASES_A_CLAIM(Leaked.class) {
        @Override
        boolean plant(Draft draft) {
            return granted(draft)
                    .findFirst()
                    .map(event -> draft.events.add(new Event(
                            99,
                            id(),
                            new Call.Release(seen(event).claim()),
                            new Answer.Done(),
                            event.answered() + 1,
                            event.answered() + 2)))
                    .isPresent();
        }
    },
    A_CALL_FAILS(Unexpected.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(draft, draft.events.stream(), event -> new Answer.Refused(500, "internal_error"));
        }
    },
    AN_ACKNOWLEDGED_CLAIM_IS_NOT_FOUND(Unexpected.class) {
        @Override
        boolean plant(Draft draft) {
            return answer(
                    draft,
                    draft.events.stream()
                            .filter(event ->
                                    event.call() instanceof Call.Look && event.answer() instanceof Answer.Shown),
                    event -> new Answer.Refused(404, "claim_not_found"));
        }
    };

    private final Class<? extends Violation> breaks;

    Fault(Class<? extends Violation> breaks) {
        this.breaks = breaks;
    }

    /** What has to be found. */
    Class<? extends Violation> breaks() {
        return breaks;
    }

    /** @return false where the history has no place for it */
    abstract boolean plant(Draft draft);

    private interface Falsified {
        Answer of(Event event);
    }

    private interface Changed {
        Tables.Claim of(Tables.Claim claim);
    }

    private static UUID id() {
        return UUID.randomUUID();
    }

    private static boolean answer(Draft draft, Stream<Event> of, Falsified answer) {
        Optional<Event> event = of.findFirst();
        event.ifPresent(one -> draft.answer(one, answer.of(one)));
        return event.isPresent();
    }

    private static boolean keep(Draft draft, Changed otherwise) {
        Optional<Tables.Claim> claim = draft.claims.stream()
                .filter(one -> acknowledged(draft, one).isPresent())
                .findFirst();
        claim.ifPresent(one -> draft.keep(one, otherwise::of));
        return claim.isPresent();
    }

    private static Optional<Event> acknowledged(Draft draft, Tables.Claim claim) {
        return granted(draft)
                .filter(event ->
                        seen(event).claim().equals(claim.id()) && seen(event).active())
                .findFirst();
    }

    /** Claims with a key that were answered with one. */
    private static Stream<Event> granted(Draft draft) {
        return draft.events.stream()
                .filter(event -> event.call() instanceof Call.Claim(var key, var request)
                        && key != null
                        && event.answer() instanceof Answer.Shown);
    }

    private static Stream<Event> replayed(Draft draft) {
        return granted(draft)
                .filter(event -> event.answer() instanceof Answer.Shown(var seen, var replayed) && replayed);
    }

    private static boolean grantedBefore(Draft draft, Event event) {
        return granted(draft).anyMatch(other -> sameKey(other, event) && other.answered() < event.called());
    }

    private static boolean sameKey(Event one, Event other) {
        return one.user().equals(other.user())
                && one.call() instanceof Call.Claim(var key, var request)
                && other.call() instanceof Call.Claim(var otherKey, var otherRequest)
                && key != null
                && key.equals(otherKey);
    }

    private static boolean released(Event event, UUID claim) {
        return event.call().equals(new Call.Release(claim)) && event.answer() instanceof Answer.Done;
    }

    private static boolean neverReleased(Draft draft, Tables.Claim claim) {
        return draft.events.stream().noneMatch(event -> event.call().equals(new Call.Release(claim.id())));
    }

    private static boolean releasedBefore(Draft draft, Event look) {
        return draft.events.stream()
                .anyMatch(event -> released(event, seen(look).claim()) && event.answered() < look.called());
    }

    private static long firstCall(Draft draft, Tables.Claim claim) {
        return draft.events.stream()
                .filter(event -> event.user().equals(claim.user())
                        && event.call() instanceof Call.Claim(var key, var request)
                        && key != null
                        && key.equals(claim.key()))
                .mapToLong(Event::called)
                .min()
                .orElse(-1);
    }

    private static boolean created(Draft draft, Tables.Claim claim, long created) {
        draft.workspaces.replaceAll(one -> one.id().equals(claim.workspace())
                ? new Tables.Workspace(one.id(), one.preset(), one.owner(), one.prebuild(), created)
                : one);
        return true;
    }

    private static Seen seen(Event event) {
        return ((Answer.Shown) event.answer()).claims().getFirst();
    }

    private static UUID workspace(Event event) {
        UUID workspace = seen(event).workspace();
        if (workspace == null) {
            throw new IllegalArgumentException("waits: " + event);
        }
        return workspace;
    }

    private static Answer shown(Seen seen) {
        return new Answer.Shown(List.of(seen), false);
    }

    private static Seen with(Seen seen, UUID workspace) {
        return new Seen(seen.claim(), seen.status(), seen.path(), workspace, seen.workspaceStatus(), null);
    }

    private static Tables.Claim with(Tables.Claim claim, UUID workspace) {
        return with(claim, workspace, claim.user(), claim.ended(), claim.reason());
    }

    private static Tables.Claim with(Tables.Claim claim, UUID workspace, UUID user, long ended, String reason) {
        return new Tables.Claim(
                claim.id(), user, workspace, claim.preset(), claim.path(), claim.key(), claim.created(), ended, reason);
    }
}
