# Planted bugs (tests/plant): a build of its own, for tests only, in which copies of the sources with bugs woven in
# stand in for ours. ONHAND_PLANTS names the table they come from; without it this file does nothing.
#
# onhand_woven(VARIABLE file...): the files to compile in place of these.

set(ONHAND_PLANTS "" CACHE PATH "Table of bugs to weave in, for tests only (tests/plant/plants); empty for none")
set(ONHAND_WOVEN ${PROJECT_BINARY_DIR}/woven)

function(onhand_woven variable)
    set(files ${ARGN})
    if(ONHAND_PLANTS)
        file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
        set(files "")
        foreach(file IN LISTS ARGN)
            if(EXISTS ${ONHAND_WOVEN}/${folder}/${file})
                set(file ${ONHAND_WOVEN}/${folder}/${file})
            endif()
            list(APPEND files ${file})
        endforeach()
    endif()
    set(${variable} ${files} PARENT_SCOPE)
endfunction()

if(ONHAND_PLANTS)
    find_program(ONHAND_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
    set(weave ${PROJECT_SOURCE_DIR}/tests/plant/weave.py)
    execute_process(
        COMMAND ${ONHAND_PYTHON} -B ${weave} ${PROJECT_SOURCE_DIR} ${ONHAND_PLANTS} ${ONHAND_WOVEN}
        OUTPUT_VARIABLE woven ERROR_VARIABLE complaint RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${complaint}")
    endif()
    string(STRIP "${woven}" woven)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${weave} ${woven})

    add_library(onhand_plant STATIC ${PROJECT_SOURCE_DIR}/tests/plant/plant.c)
    target_include_directories(onhand_plant PUBLIC ${PROJECT_SOURCE_DIR}/tests ${ONHAND_WOVEN})
    target_include_directories(onhand_options BEFORE INTERFACE ${ONHAND_WOVEN}/src)
    # A compiler cache takes no notice of a header that another table has not woven: what is woven is part of the command.
    string(REPLACE "${PROJECT_SOURCE_DIR}/" "" table "${woven}")
    string(MD5 table "${table}")
    target_compile_definitions(onhand_options INTERFACE ONHAND_WOVEN_FILES="${table}")
    target_link_libraries(onhand_options INTERFACE onhand_plant)

    install(CODE "message(FATAL_ERROR \"this build has planted bugs in it and is not for use\")")
endif()
