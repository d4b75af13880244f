"""live_calls: the calls that are not ended, by id and by agent."""

from __future__ import annotations

from datetime import timedelta

from manualdial.calls import CallState
from tests.support.calls import a_call, no_calls


def test_a_call_is_found_by_id_and_by_agent_until_it_is_ended() -> None:
    book, call = no_calls(), a_call(state=CallState.WRAP_UP)
    book.put(call)
    assert (book.get(call.id), book.of_agent("u-ann"), len(book)) == (call, call, 1)
    book.put(a_call(id=call.id, state=CallState.ENDED))
    assert (book.get(call.id), book.of_agent("u-ann"), len(book)) == (None, None, 0)
    assert book.all() == ()


def test_a_call_is_remembered_as_it_is_now() -> None:
    book, call = no_calls(), a_call()
    book.put(call)
    later = a_call(id=call.id, state=CallState.CONNECTED)
    book.put(later)
    assert (book.of_agent("u-ann"), len(book)) == (later, 1)


def test_the_end_of_an_older_call_leaves_the_newer_one_of_the_agent() -> None:
    book, older, newer = no_calls(), a_call(state=CallState.WRAP_UP), a_call()
    book.put(older)
    book.put(newer)
    book.put(a_call(id=older.id, state=CallState.ENDED))
    assert book.of_agent("u-ann") == newer


def test_a_change_of_an_older_call_does_not_hide_the_newer_one_of_the_agent() -> None:
    book, older = no_calls(), a_call()
    newer = a_call(requested_at=older.requested_at + timedelta(seconds=5))
    book.put(older)
    book.put(newer)
    book.put(a_call(id=older.id, state=CallState.WRAP_UP, requested_at=older.requested_at))
    assert book.of_agent("u-ann") == newer
    assert len(book) == 2


def test_agents_have_their_own_calls() -> None:
    book, of_ann, of_bob = no_calls(), a_call(), a_call(agent_id="u-bob")
    book.put(of_ann)
    book.put(of_bob)
    assert (book.of_agent("u-ann"), book.of_agent("u-bob")) == (of_ann, of_bob)
    assert set(book.all()) == {of_ann, of_bob}


def test_when_the_newer_call_is_ended_the_older_one_is_the_agents_again() -> None:
    book, older, newer = no_calls(), a_call(), a_call()
    book.put(older)
    book.put(newer)
    book.put(a_call(id=newer.id, state=CallState.ENDED))
    assert book.of_agent("u-ann") == older


def test_a_call_that_ends_twice_is_forgotten_once() -> None:
    book, call = no_calls(), a_call(state=CallState.ENDED)
    book.put(call)
    book.put(call)
    assert (len(book), book.of_agent("u-ann")) == (0, None)
