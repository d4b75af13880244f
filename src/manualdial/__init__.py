"""Have a number dialled for the agent who is logged in, asked by one message on a bus.

The modules in import order: a module imports only modules below it, and never one on its own line.
`make check` proves it.

    __main__                                                the command line's door
    commands                                                one file a command
    app                                                     the composition root: the only one that knows every class
    transports                                              ways in: sockets and HTTP, and who is speaking
    routes                                                  the table of contents: address, message type, service method
    dispatcher                                              envelope to reply; the one place that catches
    engine_reports                                          the reading of what engines report
    registration   agent_requests                           what a request does
    dial_requests   screening_requests
    call_control   recovery   retraction
    history   retention
    dialing                                                 the heart: press, verdict, journal, engine
    call_progress                                           what an engine's report means
    sessions                                                who is logged in and who may dial now
    earlier_presses   attempt_evidence                      which earlier press a press repeats; what is written down
    live_calls                                              the calls that are not ended, and when to ask for them
    presses   guard   turns   dial_rate                     what a press names; one after the other, not too fast
    screener   tenants                                      gathers the facts, has them judged; tenants' settings
    closures                                                jurisdictions that an operator has closed
    requests   views                                        what a service method gets and gives; what callers see
    bus                                                     scopes, subscriptions, sequence, slow readers
    audit   imports   explaining   client                   proofs, files, words and a client, for commands and others
    config   log   metrics   tracing   clock
    engines   storage   registries                          ways out (adapters): telephony, SQL, files of registries
    ports                                                   the line between the core and the outside
    screening   evidence                                    rules as pure functions over facts; the hash chain
    addresses                                               what the server publishes on which address
    messages                                                every message on the wire, a file for each subject
    calls   agents                                          the nouns
    places                                                  where a called party may be
    numbers
    envelope
    errors   plain_text
    moments   pace   token_bucket                           text to moment; work in stretches; not faster than a limit
    tasks                                                   who owns tasks; what is done again and again
"""

__version__ = "0.1.0"
