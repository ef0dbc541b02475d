/* Shapes of bodies and parameters, in JSON Schema 2020-12. What `rest/json` writes and reads, said once more: tests hold recorded
 * answers against it. */
#include "routes/openapi_internal.h"

#include "forwarding/signature.h"
#include "herder/leader_link.h"

#include "base/bans.h"

/* ---- notation ---- */

#define TEXT "{'type':'string'}"
#define TEXT_OR_NULL "{'type':['string','null']}"
#define NUMBER "{'type':'integer'}"
#define NUMBER_OR_NULL "{'type':['integer','null']}"
#define COUNT "{'type':'integer','minimum':0}"
#define FLAG "{'type':'boolean'}"
#define FLAG_OR_NULL "{'type':['boolean','null']}"
#define ONE_OF(words) "{'type':'string','enum':[" words "]}"
#define ONE_OF_OR_NULL(words) "{'type':['string','null'],'enum':[" words ",null]}"
#define SCHEMA(name) "{'$ref':'#/components/schemas/" name "'}"
#define LIST(item) "{'type':'array','items':" item "}"
#define MAP(value) "{'type':'object','additionalProperties':" value "}"
#define EITHER(one, other) "{'anyOf':[" one "," other "]}"
#define FREE_OR_NULL "{'type':['object','null']}"
/* No other members than these. */
#define OBJECT(members, required)                                                                                      \
    "{'type':'object','properties':{" members "},'required':[" required "],'additionalProperties':false}"

/* ---- what several share ---- */

#define TYPE "'type':" ONE_OF("'source','sink','unknown'")
#define UNIT_STATE                                                                                                     \
    "'state':" ONE_OF("'UNASSIGNED','RUNNING','PAUSED','FAILED','RESTARTING','STOPPED','DESTROYED'")                    \
    ",'worker_id':" TEXT ",'version':" TEXT_OR_NULL ",'trace':" TEXT
#define GIVEN_VALUE "{'type':['string','number','boolean']}"
#define GIVEN_VALUE_OR_NULL "{'type':['string','number','boolean','null']}"
#define LEVELS "'OFF','FATAL','ERROR','WARN','INFO','DEBUG','TRACE','ALL'"
#define UNIT "'connector':" TEXT ",'task':" COUNT
#define UNITS LIST(OBJECT(UNIT, "'connector'"))
#define UNITS_WITH_REASON LIST(OBJECT(UNIT ",'reason':" TEXT, "'connector','reason'"))

#define LETTER_PLACE OBJECT("'partition':" COUNT ",'offset':" COUNT, "'partition','offset'")
#define LETTER_HEADER OBJECT("'key':" TEXT ",'value':" SCHEMA("DeadLetterBytes"), "'key','value'")
#define LETTER_STATES "'count':" COUNT ",'open':" COUNT ",'replayed':" COUNT ",'discarded':" COUNT
#define LETTER_STATE_NAMES "'count','open','replayed','discarded'"
#define LETTER_ROW                                                                                                     \
    "'partition':" COUNT ",'offset':" COUNT ",'timestamp':" NUMBER_OR_NULL ",'state':" ONE_OF("'open','replayed','discarded'") \
    ",'group':" TEXT ",'connector':" TEXT_OR_NULL ",'task':" TEXT_OR_NULL ",'stage':" TEXT_OR_NULL ",'class':" TEXT_OR_NULL    \
    ",'exception':" TEXT_OR_NULL ",'message':" TEXT_OR_NULL ",'original':"                                             \
    OBJECT("'topic':" TEXT_OR_NULL ",'partition':" NUMBER_OR_NULL ",'offset':" NUMBER_OR_NULL, "'topic','partition','offset'") \
    ",'attempts':" NUMBER_OR_NULL ",'key':" SCHEMA("DeadLetterBytes") ",'value_size':" NUMBER_OR_NULL
#define LETTER_ROW_NAMES                                                                                               \
    "'partition','offset','timestamp','state','group','connector','task','stage','class','exception','message','original','attempts','key'"
#define REPLAY_SUM                                                                                                     \
    "'id':" TEXT ",'state':" ONE_OF("'running','done','failed','tried'") ",'topic':" TEXT ",'replayed':" COUNT ",'discarded':" COUNT   \
    ",'refused':" COUNT ",'into':" TEXT ",'dropped':" COUNT ",'failed':" COUNT ",'began':" NUMBER ",'time':" NUMBER ",'who':" TEXT_OR_NULL ",'request':" TEXT_OR_NULL
#define REPLAY_SUM_NAMES "'id','state','topic','refused','began','time','who','request'"

const struct openapi_part OPENAPI_SCHEMAS[] = {
    {"Error", OBJECT("'error_code':" NUMBER ",'message':" TEXT_OR_NULL, "'error_code','message'")},
    {"Message", OBJECT("'message':" TEXT, "'message'")},
    {"OpenApi", "{'type':'object','required':['openapi','info','paths','components']}"},
    {"Worker", OBJECT("'version':" TEXT ",'commit':" TEXT ",'kafka_cluster_id':" TEXT_OR_NULL,
                      "'version','commit','kafka_cluster_id'")},
    {"Health", OBJECT("'status':" ONE_OF("'healthy','starting','unhealthy'") ",'message':" TEXT_OR_NULL, "'status','message'")},
    {"Probe", OBJECT("'status':" ONE_OF("'healthy','starting','unhealthy'") ",'message':" TEXT ",'reasons':" LIST(SCHEMA("HealthEntry"))
                     ",'warnings':" LIST(SCHEMA("HealthEntry")), "'status','message','reasons','warnings'")},
    {"HealthEntry", OBJECT("'name':" TEXT ",'message':" TEXT, "'name','message'")},
    {"Whoami", OBJECT("'name':" TEXT_OR_NULL ",'login':" ONE_OF_OR_NULL("'password','jaas','token','certificate','worker'")
                      ",'role':" ONE_OF_OR_NULL("'viewer','operator','editor','admin'") ",'data':" FLAG ",'groups':" LIST(TEXT),
                      "'name','login','role','data','groups'")},
    {"HealthOrError", EITHER(SCHEMA("Health"), SCHEMA("Error"))},

    /* connectors */
    {"Config", MAP(TEXT)},
    {"GivenConfig", MAP(GIVEN_VALUE)},
    {"ConfigChanges", MAP(GIVEN_VALUE_OR_NULL)},
    {"NewConnector", OBJECT("'name':" TEXT ",'config':" SCHEMA("GivenConfig") ",'initial_state':"
                            "{'type':['string','null'],'pattern':'^(?:[Rr][Uu][Nn][Nn][Ii][Nn][Gg]|"
                            "[Pp][Aa][Uu][Ss][Ee][Dd]|[Ss][Tt][Oo][Pp][Pp][Ee][Dd])$'}", "'name','config'")},
    {"TaskId", OBJECT("'connector':" TEXT ",'task':" COUNT, "'connector','task'")},
    {"Connector", OBJECT("'name':" TEXT ",'config':" SCHEMA("Config") ",'tasks':" LIST(SCHEMA("TaskId")) "," TYPE,
                         "'name','config','tasks','type'")},
    {"ConnectorStatus", OBJECT("'name':" TEXT ",'connector':" OBJECT(UNIT_STATE, "'state','worker_id','version'")
                               ",'tasks':" LIST(SCHEMA("TaskStatus")) "," TYPE, "'name','connector','tasks','type'")},
    {"TaskStatus", OBJECT("'id':" COUNT "," UNIT_STATE ",'millrace':" EITHER(SCHEMA("TaskHealth"), "{'type':'null'}"),
                          "'id','state','worker_id','version'")},
    {"TaskHealth", OBJECT("'stalled':" TEXT_OR_NULL ",'stalled_ms':" COUNT ",'breaker':" ONE_OF("'closed','open','probing'")
                          ",'put_failures':" COUNT ",'put_retries':" COUNT ",'put_again_ms':" COUNT ",'rate_wait_ms':" COUNT
                          ",'restarts':" COUNT ",'restart':" TEXT_OR_NULL ",'restart_ms':" COUNT,
                          "'stalled','stalled_ms','breaker','put_failures','put_retries','put_again_ms','rate_wait_ms',"
                          "'restarts','restart','restart_ms'")},
    {"ConnectorsOrExpanded", EITHER(LIST(TEXT), MAP(SCHEMA("ExpandedConnector")))},
    {"ExpandedConnector", OBJECT("'status':" SCHEMA("ConnectorStatus") ",'info':" SCHEMA("Connector"), "")},
    {"TaskConfigs", LIST(MAP(TEXT_OR_NULL))},
    {"Tasks", LIST(OBJECT("'id':" SCHEMA("TaskId") ",'config':" MAP(TEXT_OR_NULL), "'id','config'"))},
    {"ConnectorTopics", MAP(OBJECT("'topics':" LIST(TEXT), "'topics'"))},
    {"Offsets", OBJECT("'offsets':" LIST(OBJECT("'partition':" FREE_OR_NULL ",'offset':" FREE_OR_NULL,
                                                "'partition','offset'")), "'offsets'")},
    {"OffsetChanges", OBJECT("'offsets':" LIST(OBJECT("'partition':" FREE_OR_NULL ",'offset':" FREE_OR_NULL, "")),
                             "'offsets'")},
    {"MessageOrOffsetsTrial", EITHER(SCHEMA("Message"), SCHEMA("OffsetsTrial"))},
    {"OffsetsTrial",
     OBJECT("'dry_run':" FLAG ",'type':" ONE_OF("'source','sink'") ",'refused':" TEXT_OR_NULL ",'not_asked':" TEXT ",'offsets':"
            LIST(OBJECT("'partition':" FREE_OR_NULL ",'before':" FREE_OR_NULL ",'after':" FREE_OR_NULL ",'skipped':" NUMBER_OR_NULL
                        ",'again':" NUMBER_OR_NULL, "'partition','before','after'"))
            ",'skipped':" NUMBER ",'again':" NUMBER,
            "'dry_run','type','refused','not_asked','offsets'")},

    /* dead letters */
    {"DeadLetterBytes", EITHER(OBJECT("'text':" TEXT ",'base64':" TEXT ",'size':" COUNT ",'cut':" FLAG, "'size'"), "{'type':'null'}")},
    {"DeadLetterRow", OBJECT(LETTER_ROW, LETTER_ROW_NAMES)},
    {"DeadLetter", OBJECT(LETTER_ROW ",'value':" SCHEMA("DeadLetterBytes") ",'headers':"
                   LIST(LETTER_HEADER) ",'context':" LIST(LETTER_HEADER) ",'stacktrace':" TEXT_OR_NULL
                   ",'replay':" TEXT ",'pipeline':{'type':'object'}",
                          LETTER_ROW_NAMES ",'value','headers','context','pipeline'")},
    {"DeadLetterGroup", OBJECT("'group':" TEXT ",'stage':" TEXT_OR_NULL ",'class':" TEXT_OR_NULL ",'exception':" TEXT_OR_NULL ",'message':"
                               TEXT "," LETTER_STATES ",'first':" NUMBER_OR_NULL ",'last':" NUMBER_OR_NULL ",'latest':" LETTER_PLACE,
                               "'group','stage','class','exception','message'," LETTER_STATE_NAMES ",'first','last','latest'")},
    {"DeadLetters", OBJECT("'topic':" TEXT "," LETTER_STATES ",'seen':" COUNT ",'complete':" FLAG ",'groups':" LIST(SCHEMA("DeadLetterGroup"))
                           ",'ungrouped':" COUNT ",'letters':" LIST(SCHEMA("DeadLetterRow")),
                           "'topic'," LETTER_STATE_NAMES ",'seen','complete','groups','ungrouped','letters'")},
    {"DeadLetterSelection",
     OBJECT("'all':" FLAG ",'letters':" LIST(LETTER_PLACE) ",'group':" TEXT ",'stage':" TEXT ",'class':" TEXT ",'exception':" TEXT ",'topic':"
            TEXT ",'header':" TEXT ",'header_value':" TEXT ",'since':" COUNT ",'until':" COUNT ",'partition':" COUNT ",'from':" COUNT
            ",'before':" COUNT ",'limit':" COUNT ",'rate':" COUNT ",'attempts':" COUNT ",'force':" FLAG ",'again':" FLAG ",'dry_run':" FLAG
            ",'id':" TEXT ",'to':" TEXT ",'into':" ONE_OF("'pipeline'") ",'reason':" TEXT
            ",'key':{},'value':{},'key_base64':" TEXT ",'value_base64':" TEXT, "")},
    {"ReplaySum", OBJECT(REPLAY_SUM, REPLAY_SUM_NAMES)},
    {"Replay", OBJECT(REPLAY_SUM ",'now':" COUNT ",'done_before':" COUNT ",'more':" FLAG ",'refusals':"
               LIST(OBJECT("'partition':" COUNT ",'offset':" COUNT ",'why':" TEXT, "'partition','offset','why'"))
               ",'failures':" LIST(OBJECT("'partition':" COUNT ",'offset':" COUNT ",'stage':" TEXT ",'why':" TEXT, "'partition','offset','stage','why'"))
               ",'error':" TEXT
               ",'selected':" COUNT ",'passed':" COUNT ",'skipped':" COUNT ",'letters':"
                      LIST(OBJECT("'partition':" COUNT ",'offset':" COUNT ",'to':" TEXT ",'report':" SCHEMA("TriedRecord"),
                                  "'partition','offset','to','report'")),
                      REPLAY_SUM_NAMES ",'now','done_before','more','refusals'")},

    /* plugins */
    {"Plugins", LIST(OBJECT("'class':" TEXT ",'type':"
                            ONE_OF("'sink','source','transformation','predicate','converter','header_converter'")
                            ",'version':" TEXT, "'class','type'"))},
    {"OptionDefinition",
     OBJECT("'name':" TEXT ",'type':"
            ONE_OF("'BOOLEAN','STRING','INT','SHORT','LONG','DOUBLE','LIST','CLASS','PASSWORD'")
            ",'required':" FLAG ",'default_value':" TEXT_OR_NULL ",'importance':" ONE_OF("'HIGH','MEDIUM','LOW'")
            ",'documentation':" TEXT_OR_NULL ",'group':" TEXT_OR_NULL ",'width':" ONE_OF("'NONE','SHORT','MEDIUM','LONG'")
            ",'display_name':" TEXT_OR_NULL ",'dependents':" LIST(TEXT) ",'order_in_group':" NUMBER,
            "'name','type','required','default_value','importance','documentation','group','width','display_name',"
            "'dependents','order_in_group'")},
    {"OptionDefinitions", LIST(SCHEMA("OptionDefinition"))},
    {"OptionValue", OBJECT("'name':" TEXT ",'value':" TEXT_OR_NULL ",'recommended_values':" LIST(TEXT_OR_NULL) ",'errors':"
                           LIST(TEXT) ",'visible':" FLAG, "'name','value','recommended_values','errors','visible'")},
    {"Validation",
     OBJECT("'name':" TEXT_OR_NULL ",'error_count':" COUNT ",'groups':" LIST(TEXT) ",'configs':"
            LIST(OBJECT("'definition':" EITHER(SCHEMA("OptionDefinition"), "{'type':'null'}") ",'value':" SCHEMA("OptionValue"),
                        "'definition','value'")),
            "'name','error_count','groups','configs'")},
    {"Try", OBJECT("'config':" SCHEMA("GivenConfig") ",'records':{'type':'array','maxItems':100,'items':{'type':'object'}},'topic':"
                   TEXT ",'last':{'type':'integer','minimum':1,'maximum':100}", "'config'")},
    {"Tried", OBJECT("'passed':" COUNT ",'dropped':" COUNT ",'skipped':" COUNT ",'failed':" COUNT ",'records':"
                     LIST(SCHEMA("TriedRecord")) ",'hints':" LIST(TEXT), "'passed','dropped','skipped','failed','records','hints'")},
    {"TriedRecord",
     OBJECT("'record':" COUNT ",'outcome':" ONE_OF("'passed','dropped','skipped','failed'")
            ",'input':{'type':'object'},'stages':" LIST("{'type':'object'}") ",'dropped_by':" TEXT ",'output':"
            LIST("{'type':'object'}") ",'error':{'type':'object'},'treatment':{'type':'object'}",
            "'record','outcome','input','stages','output'")},

    /* administration */
    {"Logger", OBJECT("'level':" ONE_OF(LEVELS) ",'last_modified':" NUMBER_OR_NULL, "'level','last_modified'")},
    {"Loggers", MAP(SCHEMA("Logger"))},
    {"LoggerNames", LIST(TEXT)},
    {"LoggerLevel", "{'type':'object','properties':{'level':" TEXT "},'required':['level']}"},
    {"ClusterMember", OBJECT("'url':" TEXT ",'boot':" TEXT ",'version':" TEXT_OR_NULL ",'host':" TEXT_OR_NULL ",'labels':"
                             TEXT_OR_NULL ",'leads':" FLAG ",'introduced':" FLAG ",'drains':" FLAG ",'leaves':" FLAG
                             ",'unfit':" FLAG ",'gone':" FLAG ",'same_secret':" FLAG_OR_NULL ",'offset_topic':" TEXT_OR_NULL
                             ",'status_topic':" TEXT_OR_NULL ",'exactly_once':" TEXT_OR_NULL,
                             "'url','boot','version','host','labels','leads','introduced','drains','leaves','unfit','gone',"
                             "'same_secret','offset_topic','status_topic','exactly_once'")},
    {"ClusterAssignment", OBJECT("'url':" TEXT ",'boot':" TEXT_OR_NULL ",'obeyed':" FLAG ",'units':" UNITS ",'revoking':"
                                 UNITS_WITH_REASON ",'preparing':" UNITS,
                                 "'url','boot','obeyed','units','revoking','preparing'")},
    {"Rebalance", OBJECT("'number':" COUNT ",'reason':" TEXT_OR_NULL ",'began_ms':" NUMBER ",'duration_ms':" NUMBER_OR_NULL
                         ",'moves':" COUNT, "'number','reason','began_ms','duration_ms','moves'")},
    {"Cluster",
     OBJECT("'answered_by':" OBJECT("'url':" TEXT ",'boot':" TEXT ",'is_member':" FLAG, "'url','boot','is_member'")
            ",'leader':" TEXT_OR_NULL ",'fencing':" TEXT_OR_NULL ",'epoch':" COUNT
            ",'members':" LIST(SCHEMA("ClusterMember")) ",'assignment':" LIST(SCHEMA("ClusterAssignment"))
            ",'unassigned':" UNITS_WITH_REASON ",'waiting':"
            LIST(OBJECT(UNIT ",'for':" TEXT_OR_NULL ",'until_ms':" NUMBER, "'connector','for','until_ms'"))
            ",'last_rebalance':" EITHER(SCHEMA("Rebalance"), "{'type':'null'}"),
            "'answered_by','leader','fencing','epoch','members','assignment','unassigned','waiting','last_rebalance'")},
    {"Drain", OBJECT("'left':" UNITS ",'revoking':" UNITS_WITH_REASON, "'left','revoking'")},
};
const size_t OPENAPI_SCHEMA_COUNT = sizeof(OPENAPI_SCHEMAS) / sizeof(OPENAPI_SCHEMAS[0]);

/* ---- parameters ---- */

#define QUERY(name, schema, words) "{'name':'" name "','in':'query','description':'" words "','schema':" schema "}"
#define HEADER(name, words) "{'name':'" name "','in':'header','required':true,'description':'" words "','schema':" TEXT "}"
#define OFF_UNLESS_SET "{'type':'boolean','default':false}"

const struct openapi_part OPENAPI_PARAMETERS[] = {
    {"expand", QUERY("expand", LIST(TEXT), "status, info, or both by being given twice; other words add nothing")},
    {"millrace", QUERY("millrace", OFF_UNLESS_SET, "also what holds a task up, where this worker runs it")},
    {"includeTasks", QUERY("includeTasks", OFF_UNLESS_SET, "tasks too")},
    {"onlyFailed", QUERY("onlyFailed", OFF_UNLESS_SET, "only what is FAILED")},
    {"dry_run", QUERY("dry_run", OFF_UNLESS_SET, "changes nothing and answers what would change")},
    {"undo", QUERY("undo", "{'type':'boolean','default':true}", "false: what is changed cannot be undone")},
    {"connectorsOnly", QUERY("connectorsOnly", "{'type':'boolean','default':true}", "false: plugins of all kinds")},
    {"version", QUERY("version", TEXT, "of the plugin, or latest")},
    {"scope", QUERY("scope", "{'type':'string','default':'worker'}", "worker, or cluster: all workers follow")},
    {"group", QUERY("group", TEXT, "letters of this cause")},
    {"stage", QUERY("stage", TEXT, "letters of this stage")},
    {"class", QUERY("class", TEXT, "letters of this class")},
    {"exception", QUERY("exception", TEXT, "letters of this class of exceptions")},
    {"topic", QUERY("topic", TEXT, "letters of records of this topic")},
    {"header", QUERY("header", TEXT, "letters with this header")},
    {"header_value", QUERY("header_value", TEXT, "of that header")},
    {"since", QUERY("since", COUNT, "letters of this time or later, in milliseconds")},
    {"until", QUERY("until", COUNT, "letters before this time, in milliseconds")},
    {"partition", QUERY("partition", COUNT, "of the letter topic")},
    {"from", QUERY("from", COUNT, "the first offset; upwards from there, with partition")},
    {"before", QUERY("before", COUNT, "offsets below this one")},
    {"limit", QUERY("limit", COUNT, "letters at most; 20")},
    {SIGNATURE_HEADER, HEADER(SIGNATURE_HEADER, "HMAC of the body under the session key, in base64")},
    {SIGNATURE_ALGORITHM_HEADER, HEADER(SIGNATURE_ALGORITHM_HEADER, "such as HmacSHA256")},
    {LEADER_LINK_MADE_FROM, QUERY(LEADER_LINK_MADE_FROM, TEXT, "which configuration the tasks were made from")},
};
const size_t OPENAPI_PARAMETER_COUNT = sizeof(OPENAPI_PARAMETERS) / sizeof(OPENAPI_PARAMETERS[0]);
